"""Label files: read them as ids, check every value, write them as one-channel PNGs."""

import dataclasses
import io
import os
import pathlib
from typing import Protocol

import numpy as np
from PIL import Image, UnidentifiedImageError

from deeplab_dpc.data.dataset_info import DatasetError

IGNORE = 255  # The ignore label of every record that is written here.
_ID_MODES = ("P", "L", "I;16", "I;16B", "I")


class LabelError(DatasetError):
    """A label file that cannot be what it should be."""


class Reader(Protocol):
    """Reads a label file as the ids that a record keeps.

    A reader can be pickled: several processes read at once.
    """

    def __call__(self, path: pathlib.Path) -> np.ndarray:
        """The ids, `[height, width]` uint8.

        Raises:
            LabelError: With the file's name and what is wrong with it.
        """
        ...


@dataclasses.dataclass(frozen=True)
class Ids:
    """Reads labels that hold each class's id; the ignored ones become 255.

    Attributes:
        num_classes: Classes; their ids are `0..num_classes - 1`.
        ignore_label: The id of ignored pixels in the files.
    """

    num_classes: int
    ignore_label: int = IGNORE

    def __call__(self, path: pathlib.Path) -> np.ndarray:
        """The ids, `[height, width]` uint8; a `LabelError` for anything else."""
        label = read_label(path)
        check_label(label, self.num_classes, self.ignore_label, path)
        return to_record(label, self.ignore_label)


def read_label(path: str | os.PathLike[str]) -> np.ndarray:
    """The ids of a label file, `[height, width]` integers.

    A palette PNG (VOC) gives its indices, whatever colours they are shown in.

    Raises:
        LabelError: If it is no PNG, damaged, or a colour picture.
    """
    encoded = io.BytesIO(pathlib.Path(path).read_bytes())
    try:
        with Image.open(encoded) as file:
            _check_kind(path, file)
            file.verify()  # All checksums; a decoder may forgive a missing end.
        with Image.open(encoded) as file:
            if file.mode not in _ID_MODES:
                raise LabelError(_colour_message(path, file))
            return np.asarray(file)
    except UnidentifiedImageError as e:
        raise LabelError(f"{path} is no image, or cut short.") from e
    except LabelError:
        raise
    except (OSError, SyntaxError, ValueError) as e:
        raise LabelError(f"{path} is damaged and cannot be decoded ({e}).") from e


def check_label(
    label: np.ndarray,
    num_classes: int,
    ignore_label: int,
    path: str | os.PathLike[str],
) -> None:
    """Checks that every pixel is a class or the ignore label.

    Args:
        label: `[height, width]`, ids as the file has them.
        num_classes: Classes; their ids are `0..num_classes - 1`.
        ignore_label: The id, in the file, of pixels that count for nothing.
        path: The file, for the message.

    Raises:
        LabelError: With the wrong values, how often they occur, and what is legal.
    """
    values, counts = np.unique(label, return_counts=True)
    legal = ((values >= 0) & (values < num_classes)) | (values == ignore_label)
    if legal.all():
        return
    wrong = [
        f"{count:,} {'pixels have' if count > 1 else 'pixel has'} label {value}"
        for value, count in zip(values[~legal], counts[~legal])
    ]
    raise LabelError(
        f"{path}: {_some(wrong)}, but the data set has {num_classes} classes "
        f"(0..{num_classes - 1}) and ignores {ignore_label}. Values in this file: "
        f"{_some([str(value) for value in values], 12)}. Name all classes, or give "
        "those pixels a class's id or the ignore label." + _hint(values, num_classes)
    )


def to_record(label: np.ndarray, ignore_label: int) -> np.ndarray:
    """The ids of a checked label as a record keeps them: uint8, ignored pixels 255."""
    return np.where(label == ignore_label, IGNORE, label).astype(np.uint8)


def encode_png(label: np.ndarray) -> bytes:
    """A one-channel PNG of `[height, width]` uint8 ids."""
    buffer = io.BytesIO()
    Image.fromarray(label).save(buffer, "PNG")
    return buffer.getvalue()


def _check_kind(path: str | os.PathLike[str], file: Image.Image) -> None:
    if file.format != "PNG":
        raise LabelError(
            f"{path} is a {file.format} file; labels must be PNGs, which keep every "
            "value as it is."
        )


def _colour_message(path: str | os.PathLike[str], file: Image.Image) -> str:
    message = (
        f"{path} is a picture of mode {file.mode}, {len(file.getbands())} channel(s); "
        "a label must hold one class id a pixel (a grey or palette PNG). "
    )
    channels = np.asarray(file.convert("RGB"))
    if (channels == channels[..., :1]).all():
        return message + "Its channels are equal: save one of them, as a grey PNG."
    return message + (
        "Its colours stand for classes: turn each colour into its class's id and save "
        "a grey PNG."
    )


def _hint(values: np.ndarray, num_classes: int) -> str:
    if values.min() == 1 and num_classes in values:
        return " The ids seem to begin at 1: subtract 1."
    return ""


def _some(items: list[str], most: int = 4) -> str:
    """The first few items, and how many more there are."""
    shown = ", ".join(items[:most])
    return shown + (f" and {len(items) - most} more" if items[most:] else "")
