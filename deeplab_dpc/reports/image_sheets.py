"""Sheets of images: all pictures of one, and many of a data set beside their labels."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from PIL import Image

from deeplab_dpc.evaluation import confusion
from deeplab_dpc.formatting import fine_percent, percent
from deeplab_dpc.reports import pictures
from deeplab_dpc.reports.pictures import Palette
from deeplab_dpc.reports.sheet import Entry, Legend, flowing_sheet, sheet

_THUMBNAIL_HEIGHT, _THUMBNAIL_WIDTH, _BETWEEN = 200, 620, 4


def image_files(
    image: np.ndarray,
    predictions: np.ndarray,
    labels: np.ndarray | None,
    palette: Palette,
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
    heading = "classes, with their share of the image"
    if labels is not None:
        files["_ground_truth"] = pictures.ground_truth(labels, palette)
        files["_errors"] = pictures.errors(image, labels, predictions, palette)
        panels.insert(1, ("ground truth", files["_ground_truth"]))
        panels.append(("errors", files["_errors"]))
        heading = "classes, with their IoU here"
        counts = pictures.image_counts(labels, predictions, palette)
        scores = "no pixel has a label"
        if counts.any():
            miou, right = confusion.mean_iou(counts), confusion.pixel_accuracy(counts)
            scores = f"mIoU {percent(miou)}, {percent(right)} of pixels right"
        title = f"{title}   {scores}".strip()
    entries = legend_entries(palette, predictions, labels)
    files[""] = sheet(panels, Legend(entries, heading), title)
    return files


def legend_entries(
    palette: Palette, predictions: np.ndarray, labels: np.ndarray | None
) -> list[Entry]:
    """The legend of an image: the classes that occur, largest first.

    With labels each has its IoU on this image, and "wrong" and "no label" follow if
    they occur; without, its share of the image.
    """
    if labels is None:
        seen = palette.occurring(predictions)
        shown = {c: (predictions == c).mean() for c in seen}
    else:
        labels = np.asarray(labels).astype(np.int64)
        counted = palette.is_labelled(labels)
        ious = confusion.class_ious(pictures.image_counts(labels, predictions, palette))
        seen = palette.occurring(predictions, np.where(counted, labels, -1))
        shown = {c: ious[c] for c in seen}
    entries = [
        Entry(f"{palette.names[c]}  {percent(value)}", palette.colors[c])
        for c, value in shown.items()
    ]
    if labels is not None and (labels != predictions)[counted].any():
        entries.append(Entry("wrong", pictures.WRONG_COLOR))
    if labels is not None and not counted.all():
        entries.append(Entry("no label", None))
    return entries


@dataclasses.dataclass(frozen=True)
class Thumbnail:
    """One image of a contact sheet, made small.

    Attributes:
        caption: Its name and size.
        image: `[height, width, 3]` uint8.
        labels: `[height, width]` class ids, or None for an image without labels.
    """

    caption: str
    image: np.ndarray
    labels: np.ndarray | None

    @classmethod
    def of(cls, name: str, image: np.ndarray, labels: np.ndarray | None) -> "Thumbnail":
        """An image and its labels at the sheet's size, so that no large one is kept.

        Args:
            name: The image's name.
            image: `[height, width, 3]` uint8.
            labels: `[height, width]` class ids, or None.
        """
        height, width = image.shape[:2]
        factor = min(_THUMBNAIL_HEIGHT / height, _THUMBNAIL_WIDTH / width)
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        small = Image.fromarray(image).resize(size, Image.Resampling.LANCZOS)
        caption = f"{name}  {height}x{width}"
        if labels is None:
            return cls(f"{caption}  no labels", np.asarray(small), None)
        ids = Image.fromarray(np.asarray(labels).astype(np.uint8))
        small_ids = ids.resize(size, Image.Resampling.NEAREST)
        return cls(caption, np.asarray(small), np.asarray(small_ids))

    def beside_labels(self, palette: Palette) -> np.ndarray:
        """The image and, on its right, the labels over it; hatched without a label."""
        if self.labels is None:
            return self.image
        over = pictures.overlay(self.image, self.labels, palette)
        labelled = palette.is_labelled(self.labels)[..., None]
        over = np.where(labelled, over, pictures.hatching(*self.labels.shape))
        between = np.full((len(over), _BETWEEN, 3), 255, np.uint8)
        return np.concatenate([self.image, between, over], axis=1)


def contact_sheet(
    items: Sequence[Thumbnail], palette: Palette, title: str
) -> np.ndarray:
    """The images in rows, each beside its labels; a legend below.

    Args:
        items: What to show.
        palette: The classes' names and colours.
        title: A line above all.

    Returns:
        `[height, width, 3]` uint8.
    """
    panels = [(item.caption, item.beside_labels(palette)) for item in items]
    return flowing_sheet(panels, Legend(contact_entries(items, palette)), title)


def contact_entries(items: Sequence[Thumbnail], palette: Palette) -> list[Entry]:
    """The classes that occur with their share of the labelled pixels, largest first."""
    maps = [item.labels.ravel() for item in items if item.labels is not None]
    if not maps:
        return []
    counts = np.bincount(np.concatenate(maps), minlength=256)
    ignored = int(counts[palette.ignore_label])
    counts[palette.ignore_label] = 0
    labelled = max(int(counts.sum()), 1)
    order = np.argsort(-counts[: len(palette.names)], kind="stable")
    entries = [
        Entry(
            f"{palette.names[c]} {fine_percent(counts[c] / labelled)}",
            palette.colors[c],
        )
        for c in order
        if counts[c]
    ]
    if ignored:
        share = ignored / (int(counts.sum()) + ignored)
        entries.append(Entry(f"no label {fine_percent(share)} of all", None))
    return entries
