"""Label maps as colours, overlays, and sheets that people look at.

Images are `[height, width, 3]` uint8 RGB; label maps `[height, width]` integers.
"""

import dataclasses
import io
import os
import pathlib
from collections.abc import Mapping

import numpy as np
from PIL import Image

from deeplab_dpc.evaluation.sheet import Entry, sheet

IGNORED_COLOR = (255, 255, 255)
"""Pixels without a label."""


@dataclasses.dataclass(frozen=True)
class Palette:
    """The classes' names and colours, and which label is no class.

    Args:
        names: One a class.
        colors: One RGB triple a class, 0..255.
        ignore_label: The label of pixels without a class.
    """

    names: tuple[str, ...]
    colors: tuple[tuple[int, int, int], ...]
    ignore_label: int = 255

    def __post_init__(self):
        if len(self.colors) < len(self.names):
            raise ValueError(
                f"{len(self.names)} classes, but {len(self.colors)} colours; there "
                "must be one for each class."
            )

    def paint(self, labels: np.ndarray) -> np.ndarray:
        """The labels' colours: `[height, width, 3]` uint8.

        Whatever is no class has `IGNORED_COLOR`.
        """
        labels = np.asarray(labels).astype(np.int64)
        count = len(self.names)
        known = (labels >= 0) & (labels < count)
        table = np.array([*self.colors[:count], IGNORED_COLOR], np.uint8)
        return table[np.where(known, labels, count)]

    def occurring(self, *maps: np.ndarray) -> list[int]:
        """Classes in any of the label maps, by their share of all pixels, falling."""
        count = len(self.names)
        pixels = np.zeros(count, np.int64)
        for labels in maps:
            labels = np.asarray(labels).astype(np.int64).ravel()
            known = labels[(labels >= 0) & (labels < count)]
            pixels += np.bincount(known, minlength=count)
        order = np.argsort(-pixels, kind="stable")
        return [int(c) for c in order if pixels[c]]


def overlay(
    image: np.ndarray, labels: np.ndarray, palette: Palette, opacity: float = 0.55
) -> np.ndarray:
    """The image under its classes' colours, with a light line between classes.

    Pixels without a class show the image alone.
    """
    colors = palette.paint(labels).astype(np.float32)
    mixed = (1 - opacity) * image.astype(np.float32) + opacity * colors
    known = (labels >= 0) & (labels < len(palette.names))
    known &= labels != palette.ignore_label
    mixed = np.where(known[..., None], mixed, image.astype(np.float32))
    mixed[_borders(labels)] = (255, 255, 255)
    return np.clip(np.round(mixed), 0, 255).astype(np.uint8)


def mistakes(labels: np.ndarray, predictions: np.ndarray, ignore: int) -> np.ndarray:
    """Where the prediction is wrong: red; right: pale grey; no label: white."""
    picture = np.full((*labels.shape, 3), 214, np.uint8)
    picture[labels != predictions] = (203, 36, 49)
    picture[labels == ignore] = (255, 255, 255)
    return picture


def legend_entries(
    palette: Palette, predictions: np.ndarray, labels: np.ndarray | None
) -> list[Entry]:
    """Names and colours of the classes that occur, largest first, then "no label"."""
    maps = [predictions] if labels is None else [predictions, _kept(palette, labels)]
    entries = [(palette.names[c], palette.colors[c]) for c in palette.occurring(*maps)]
    if labels is not None and (np.asarray(labels) == palette.ignore_label).any():
        entries.append(("no label", IGNORED_COLOR))
    return entries


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
        `_image`, `_prediction`, `_overlay`, with labels `_ground_truth`, and the sheet
        under the empty ending.
    """
    over = overlay(image, predictions, palette)
    painted = palette.paint(predictions)
    files = {"_image": image, "_prediction": painted, "_overlay": over}
    panels = [("image", image), ("prediction over the image", over)]
    if labels is None:
        panels.append(("prediction", painted))
    else:
        truth = palette.paint(_kept(palette, labels))
        files["_ground_truth"] = truth
        wrong = mistakes(labels, predictions, palette.ignore_label)
        panels.insert(1, ("ground truth", truth))
        panels.append((_score_text(labels, predictions, palette), wrong))
    entries = legend_entries(palette, predictions, labels)
    files[""] = sheet(panels, entries, title)
    return files


def write_png(path: pathlib.Path, picture: np.ndarray) -> None:
    """Writes a picture (`[h, w, 3]`) or label map (`[h, w]`), whole or not at all.

    Label maps with ids above 255 become 16 bit PNGs.

    Raises:
        OSError: If the folder cannot be written.
    """
    array = np.asarray(picture)
    if array.ndim == 2:
        array = array.astype(np.uint8 if array.max(initial=0) < 256 else np.uint16)
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    write_bytes(path, buffer.getvalue())


def write_bytes(path: pathlib.Path, content: bytes) -> None:
    """Writes a file, whole or not at all.

    Raises:
        OSError: If the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_files(
    folder: pathlib.Path, name: str, files: Mapping[str, np.ndarray]
) -> None:
    """Writes `<name><ending>.png` for each ending of `image_files`."""
    for ending, picture in files.items():
        write_png(folder / f"{name}{ending}.png", picture)


def _kept(palette: Palette, labels: np.ndarray) -> np.ndarray:
    """The labels with -1 (no class) where they are to be ignored."""
    labels = np.asarray(labels).astype(np.int64)
    return np.where(labels == palette.ignore_label, -1, labels)


def _borders(labels: np.ndarray) -> np.ndarray:
    """Pixels whose right or lower neighbour has another class."""
    borders = np.zeros(labels.shape, bool)
    borders[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    borders[:-1] |= labels[:-1] != labels[1:]
    return borders


def _score_text(labels: np.ndarray, predictions: np.ndarray, palette: Palette) -> str:
    counted = labels != palette.ignore_label
    if not counted.any():
        return "mistakes (no pixel has a label)"
    right = float((labels == predictions)[counted].mean())
    return f"mistakes in red ({100 * right:.1f} % of pixels right)"
