"""All pictures of one image: single ones, and a sheet with a legend."""

import numpy as np

from deeplab_dpc.evaluation import confusion
from deeplab_dpc.formatting import percent
from deeplab_dpc.reports import pictures
from deeplab_dpc.reports.drawing import Entry
from deeplab_dpc.reports.sheet import sheet


def legend_entries(
    palette: pictures.Palette, predictions: np.ndarray, labels: np.ndarray | None
) -> list[Entry]:
    """The legend of an image: the classes that occur, largest first.

    With labels each has its IoU on this image, and "wrong" and "no label" follow if
    they occur; without, its share of the image.
    """
    if labels is None:
        seen = palette.occurring(predictions)
        return [
            Entry(
                f"{palette.names[c]}  {percent((predictions == c).mean())}",
                palette.colors[c],
            )
            for c in seen
        ]
    ious = confusion.class_ious(pictures.image_counts(labels, predictions, palette))
    entries = [
        Entry(f"{palette.names[c]}  {percent(ious[c])}", palette.colors[c])
        for c in palette.occurring(predictions, _kept(palette, labels))
    ]
    counted = palette.is_labelled(labels)
    if (labels != predictions)[counted].any():
        entries.append(Entry("wrong", pictures.WRONG_COLOR))
    if not counted.all():
        entries.append(Entry("no label", None))
    return entries


def image_files(
    image: np.ndarray,
    predictions: np.ndarray,
    labels: np.ndarray | None,
    palette: pictures.Palette,
    title: str = "",
) -> dict[str, np.ndarray]:
    """All pictures of one image, by the ending of their file name.

    Args:
        image: The image.
        predictions: Its predicted label map.
        labels: Its true one, or None.
        palette: Names and colours.
        title: The sheet's title.

    Returns:
        `_image`, `_prediction`, `_overlay`, with labels `_ground_truth` and `_errors`,
        and the sheet under the empty ending.
    """
    files = {
        "_image": image,
        "_prediction": palette.paint(predictions),
        "_overlay": pictures.overlay(image, predictions, palette),
    }
    panels = [
        ("image", image),
        ("prediction", files["_prediction"]),
        ("prediction over the image", files["_overlay"]),
    ]
    legend_title = "classes, with their share of the image"
    if labels is not None:
        files["_ground_truth"] = pictures.ground_truth(labels, palette)
        files["_errors"] = pictures.errors(image, labels, predictions, palette)
        panels.insert(1, ("ground truth", files["_ground_truth"]))
        panels.append(("errors", files["_errors"]))
        legend_title = "classes, with their IoU here"
        title = f"{title}   {_score_text(labels, predictions, palette)}".strip()
    entries = legend_entries(palette, predictions, labels)
    files[""] = sheet(panels, entries, title, legend_title)
    return files


def _kept(palette: pictures.Palette, labels: np.ndarray) -> np.ndarray:
    """The labels with -1 (no class) where they are to be ignored."""
    labels = np.asarray(labels).astype(np.int64)
    return np.where(labels == palette.ignore_label, -1, labels)


def _score_text(
    labels: np.ndarray, predictions: np.ndarray, palette: pictures.Palette
) -> str:
    counts = pictures.image_counts(labels, predictions, palette)
    if not counts.any():
        return "no pixel has a label"
    miou, right = confusion.mean_iou(counts), confusion.pixel_accuracy(counts)
    return f"mIoU {percent(miou)}, {percent(right)} of pixels right"
