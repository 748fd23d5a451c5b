"""Label files as they are: the pixels and the palette of a PNG."""

import dataclasses
import io
import os
import pathlib

import numpy as np
from PIL import Image, UnidentifiedImageError

from deeplab_dpc import files
from deeplab_dpc.data import images, labels
from deeplab_dpc.data.dataset_info import DatasetError

_ID_MODES = ("1", "P", "L", "I;16", "I;16B", "I")


class LabelError(DatasetError):
    """A label file that cannot be what it should be."""


@dataclasses.dataclass(frozen=True)
class LabelFile:
    """What a label PNG holds."""

    path: pathlib.Path
    mode: str  # Pillow's word for the kind: "L" grey, "P" palette, "RGB", "RGBA", ...
    # `[height, width]` integers (a palette's indices; the true values of a grey PNG of
    # 1, 2 or 4 bits), or `[height, width, channels]` of a colour picture.
    pixels: np.ndarray
    palette: np.ndarray | None  # `[entries, 3]` uint8 of a palette PNG.

    @property
    def holds_ids(self) -> bool:
        """Whether a pixel is one number."""
        return self.mode in _ID_MODES


def read(path: str | os.PathLike[str]) -> LabelFile:
    """Reads a label PNG, whole; a `LabelError` if it is none, cut short or damaged."""
    path = pathlib.Path(path)
    encoded = files.read_bytes(path)
    if not encoded:
        raise LabelError(f"{path} is empty (0 bytes). Copy or export it again.")
    try:
        with Image.open(io.BytesIO(encoded)) as file:
            if file.format != "PNG":
                raise LabelError(
                    f"{path} is a {file.format} file; labels must be PNGs, which keep "
                    "every value as it is."
                )
            if getattr(file, "is_animated", False):
                raise LabelError(f"{path} is an animated PNG; a label is one picture.")
            file.verify()  # All checksums; a decoder may forgive a missing end.
        with Image.open(io.BytesIO(encoded)) as file:
            pixels = labels.true_values(np.asarray(file), file.mode, encoded)
            return LabelFile(path, file.mode, pixels, _palette(file))
    except UnidentifiedImageError as e:
        raise LabelError(f"{path} is no image, or cut short.") from e
    except LabelError:
        raise
    except Image.DecompressionBombError as e:
        raise LabelError(
            f"{path} says that it has more than {images.MAX_PIXELS:,} pixels, which is "
            "more than a label may have here. Cut it into tiles, or shrink it."
        ) from e
    except Exception as e:  # A damaged file makes the decoder raise almost anything.
        raise LabelError(f"{path} is damaged and cannot be decoded ({e}).") from e


def read_palette(path: str | os.PathLike[str]) -> np.ndarray | None:
    """The palette of a label, `[entries, 3]` uint8, from the file's head alone; None
    without one, and for a damaged file, which `read` will report.
    """
    if not os.path.isfile(path):
        return None
    try:
        with Image.open(path) as file:
            return _palette(file) if file.format == "PNG" else None
    except Exception:  # As above.
        return None


def _palette(file: Image.Image) -> np.ndarray | None:
    if file.mode != "P":
        return None
    return np.array(file.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
