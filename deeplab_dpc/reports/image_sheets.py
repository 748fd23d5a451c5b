"""Sheets of images: all pictures of one, and many of a data set beside their labels."""

from collections.abc import Iterable

import numpy as np
from PIL import Image

from deeplab_dpc.evaluation import confusion
from deeplab_dpc.formatting import fine_percent, percent
from deeplab_dpc.reports import pictures
from deeplab_dpc.reports.pictures import Palette, overlay
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

    They are `_image`, `_prediction`, `_overlay`, with labels `_ground_truth` and
    `_errors`, and under the empty ending the sheet, which has the title.
    """
    files = {
        "_image": image,
        "_prediction": palette.paint(predictions),
        "_overlay": overlay(image, predictions, palette),
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
    """The legend of an image: the classes that occur, largest first, with labels each
    with its IoU here and "wrong" and "no label" if they occur; else with its share.
    """
    pairs = None if labels is None else pictures.pairs(labels, predictions, palette)
    if pairs is None:
        seen = palette.occurring(predictions)
        shown = {c: (predictions == c).mean() for c in seen}
    else:
        ious = confusion.class_ious(pairs[:-1, :-1])
        both = pairs.sum(axis=0) + pairs.sum(axis=1)
        shown = {c: ious[c] for c in pictures.falling(both[:-1])}
    entries = [
        Entry(f"{palette.names[c]}  {percent(value)}", palette.colors[c])
        for c, value in shown.items()
    ]
    if pairs is not None and pairs[:-1].sum() > np.trace(pairs[:-1]):
        entries.append(Entry("wrong", palette.wrong))
    if pairs is not None and pairs[-1].any():
        entries.append(Entry("no label", None))
    return entries


def contact_sheet(
    items: Iterable[tuple[str, np.ndarray, np.ndarray | None]],
    palette: Palette,
    title: str,
) -> np.ndarray:
    """Images in rows, each beside its labels; a legend at the end.

    Of each it takes the name, the image and the labels or None; one at a time is kept.
    """
    panels, pixels = [], np.zeros(256, np.int64)
    for name, image, labels in items:
        caption = "{}  {}x{}".format(name, *image.shape[:2])
        picture, ids = thumbnail(image, labels)
        if ids is None:
            caption += "  no labels"
        else:
            pixels += np.bincount(ids.ravel(), minlength=256)
            over, ignored = overlay(picture, ids, palette), ~palette.is_labelled(ids)
            over[ignored] = pictures.hatching(*ids.shape)[ignored]
            between = np.full((len(over), _BETWEEN, 3), 255, np.uint8)
            picture = np.concatenate([picture, between, over], axis=1)
        panels.append((caption, picture))
    return flowing_sheet(panels, Legend(contact_entries(pixels, palette)), title)


def thumbnail(
    image: np.ndarray, labels: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """An image and its labels, or None, as small as the contact sheet has them."""
    height, width = image.shape[:2]
    factor = min(_THUMBNAIL_HEIGHT / height, _THUMBNAIL_WIDTH / width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = Image.fromarray(image).resize(size, Image.Resampling.LANCZOS)
    if labels is None:
        return np.asarray(small), None
    ids = Image.fromarray(np.asarray(labels).astype(np.uint8))
    return np.asarray(small), np.asarray(ids.resize(size, Image.Resampling.NEAREST))


def contact_entries(pixels: np.ndarray, palette: Palette) -> list[Entry]:
    """The classes that occur, largest first, from the pixels of each of 256 labels."""
    counts = np.where(palette.is_labelled(np.arange(256)), pixels, 0)
    shares, ignored = counts / max(counts.sum(), 1), pixels[palette.ignore_label]
    entries = [
        Entry(f"{palette.names[c]} {fine_percent(shares[c])}", palette.colors[c])
        for c in np.argsort(-counts, kind="stable")
        if counts[c]
    ]
    if ignored:
        share = fine_percent(ignored / pixels.sum())
        entries.append(Entry(f"no label {share} of all", None))
    return entries
