"""Image files: what training would see of them, and the checks they must pass."""

import dataclasses
import io
import pathlib
import warnings
from typing import Literal, get_args

import numpy as np
import simplejpeg
from PIL import Image, ImageOps

from deeplab_dpc import files
from deeplab_dpc.data import records
from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.formatting import count, without_nodes

Exif = Literal["refuse", "apply", "ignore"]
EXIF = get_args(Exif)
Where = pathlib.Path | str  # A file, or what a message calls it.
MAX_PIXELS = 178_956_970  # What Pillow opens; 512 MiB once decoded.

JPEG_ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif")
ENDINGS = (*JPEG_ENDINGS, ".png", ".bmp", ".webp", ".tif", ".tiff")
"""How files end that can be images, in small letters."""
_FORMATS = {"JPEG": "jpeg", "MPO": "jpeg", "PNG": "png"}  # What records may keep.
_DECODED = ("BMP", "WEBP", "TIFF")  # What Pillow decodes; records keep a PNG of it.
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
_PNG_DEPTH_AT = 24  # The byte of a PNG's header that says the bits a channel.
_ORIENTATION = 0x0112
_BACK = {6: 8, 8: 6}  # The orientation that undoes another; the others undo themselves.
_PNG_EXIF = (b"eXIf", b"Raw profile type exif", b"XML:com.adobe.xmp")


class ImageError(DatasetError):
    """An image file that cannot be what it should be."""


@dataclasses.dataclass(frozen=True)
class Checked:
    """An image as a record keeps it."""

    encoded: bytes  # A file of `image_format`.
    image_format: str  # `jpeg` or `png`.
    pixels: np.ndarray  # What training decodes from it, `[height, width, 3]` uint8.
    orientation: int = 1  # What the file's EXIF data ask for, 1..8; 1 is upright.


def read(
    path: pathlib.Path,
    exif: Exif = "refuse",
    max_pixels: float = MAX_PIXELS,
    scale_depth: bool = False,
) -> Checked:
    """Reads and checks a JPEG, PNG, BMP, WebP or TIFF file; grey and palettes are fine.

    If its EXIF data ask viewers to turn it, `refuse` does so, `apply` gives the record
    the turned pixels, as a PNG, and `ignore` the file: training sees the pixels as they
    are stored. Of 16 bits a channel the upper 8 are taken if they may be scaled. An
    `ImageError` names a file that is missing, empty, damaged, too large or of another
    kind, and what is wrong.
    """
    return checked(_read_bytes(path), path, exif, max_pixels, scale_depth)


def checked(
    encoded: bytes,
    path: Where,
    exif: Exif = "refuse",
    max_pixels: float = MAX_PIXELS,
    scale_depth: bool = False,
) -> Checked:
    """Checks the bytes of a file as `read` does; errors name it by `path`."""
    file = _opened(path, encoded)
    may_be_transparent = file.mode[-1] in "Aa" or "transparency" in file.info
    orientation = _orientation(file, encoded)
    _check_header(path, file, encoded, scale_depth)
    if file.width * file.height > max_pixels:
        raise ImageError(
            f"{path} has {file.width:,} x {file.height:,} pixels, more than the "
            f"{max_pixels:,.0f} that it may have. Shrink it, or cut it into tiles."
        )
    if orientation != 1 and exif == "refuse":
        raise ImageError(
            f"{path}: its EXIF orientation is {orientation}, so viewers turn it, but "
            "its stored pixels are not turned. If the labels were drawn on what "
            "viewers show, pass --exif_orientation=apply; if they fit the stored "
            "pixels, --exif_orientation=ignore."
        )
    is_kept = file.format in _FORMATS and (exif != "apply" or orientation == 1)
    if file.format in _DECODED:
        encoded = records.encode_png(_decoded(path, file))
    pixels = _decode(path, encoded, file)
    if may_be_transparent:
        _check_opaque(path, encoded)
    turn = orientation if exif == "apply" else 1
    if file.format == "TIFF":  # Pillow has turned its pixels already.
        turn = _BACK.get(orientation, orientation) if exif == "ignore" else 1
    if turn != 1:
        stored = Image.fromarray(pixels)
        stored.getexif()[_ORIENTATION] = turn
        pixels = np.array(ImageOps.exif_transpose(stored))
    if is_kept:
        return Checked(encoded, _FORMATS[str(file.format)], pixels, orientation)
    return Checked(records.encode_png(pixels), "png", pixels, orientation)


def _read_bytes(path: pathlib.Path) -> bytes:
    try:
        encoded = files.read_bytes(path)
    except FileNotFoundError as e:
        raise ImageError(f"{path} is missing.") from e
    except OSError as e:
        raise ImageError(f"{path} cannot be read ({e.strerror}).") from e
    if not encoded:
        raise ImageError(f"{path} is empty: it has 0 bytes. Copy it again.")
    return encoded


def _opened(path: Where, encoded: bytes) -> Image.Image:
    """The file's header, as Pillow reads it; no pixels yet."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Image.open(io.BytesIO(encoded))
    except Image.DecompressionBombError as e:
        raise ImageError(
            f"{path} says that it has more than {MAX_PIXELS:,} pixels, which is more "
            "than an image may have here. Cut it into tiles, or shrink it."
        ) from e
    except Exception as e:  # Parsers of damaged files raise nearly anything.
        kind = "cut short or damaged" if encoded.startswith(_SIGNATURES) else "no image"
        raise ImageError(
            f"{path} is {kind}: its header cannot be read. Copy it again, or take its "
            "name out of the list."
        ) from e


def _orientation(file: Image.Image, encoded: bytes) -> int:
    """The EXIF orientation; 1 where there is none that means anything."""
    # A PNG may have it after its pixels, and Pillow would decode all of them to look.
    if file.format == "PNG" and not any(key in encoded for key in _PNG_EXIF):
        return 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = file.getexif().get(_ORIENTATION, 1)
    except Exception:  # As viewers do: damaged EXIF data turn nothing.
        return 1
    return found if found in range(1, 9) else 1


def _check_header(
    path: Where, file: Image.Image, encoded: bytes, scale_depth: bool
) -> None:
    if file.format not in (*_FORMATS, *_DECODED):
        raise ImageError(
            f"{path} is a {file.format} file; images must be JPEG or PNG (or BMP, WebP "
            "or TIFF): save it as one."
        )
    if file.format != "MPO" and getattr(file, "is_animated", False):
        raise ImageError(
            f"{path} is an animated {file.format}; save one picture of it."
        )
    if file.mode == "CMYK":
        raise ImageError(
            f"{path} has CMYK colours (for print); what they look like depends on a "
            "profile that training does not know. Save it as RGB, such as with "
            "ImageMagick: magick in.jpg -colorspace sRGB out.jpg"
        )
    depth = encoded[_PNG_DEPTH_AT] if file.format == "PNG" else 8
    if (depth == 16 or file.mode.startswith("I;16")) and not scale_depth:
        raise ImageError(
            f"{path} has 16 bits a channel; images must have 8. Save it with 8, after "
            "scaling the values so that the picture looks right."
        )


def _decoded(path: Where, file: Image.Image) -> np.ndarray:
    """The pixels of a file that TensorFlow does not read, in colours."""
    is_deep = file.mode.startswith("I;16")
    if not is_deep and file.mode not in ("1", "L", "P", "LA", "PA", "RGB", "RGBA"):
        raise ImageError(
            f"{path} has pixels of the kind {file.mode!r}; save it as a PNG of 8 bits "
            "a channel."
        )
    try:
        if is_deep:
            return (np.asarray(file) // 256).astype(np.uint8)
        return np.asarray(file.convert("RGBA" if file.mode[-1] == "A" else "RGB"))
    except (OSError, SyntaxError, ValueError) as e:
        raise _damaged(path, str(e)) from e


def _damaged(path: Where, reason: str) -> ImageError:
    return ImageError(
        f"{path} is damaged and cannot be decoded ({reason}). Copy it again, or take "
        "its name out of the list."
    )


def _decode(path: Where, encoded: bytes, file: Image.Image) -> np.ndarray:
    """The pixels, by the decoder of the training. That one forgives most damage within
    a JPEG, which has no checksum: it only counts libjpeg's warnings. So a JPEG is also
    decoded small, by a decoder that does not.
    """
    import tensorflow as tf

    try:
        pixels = records.decode_image(tf.constant(encoded)).numpy()
        if file.format in ("JPEG", "MPO"):
            small = {"min_height": 1, "min_width": 1}
            simplejpeg.decode_jpeg(encoded, "GRAY", strict=True, **small)
    except (tf.errors.OpError, ValueError) as e:
        text = e.message if isinstance(e, tf.errors.OpError) else str(e)
        raise _damaged(path, without_nodes(text)) from e
    size = (file.height, file.width)
    if pixels.shape[:2] != size:
        raise ImageError(
            f"{path} is damaged: its header says {size} (height, width), but it "
            f"decodes to {pixels.shape[:2]}. Copy it again."
        )
    return pixels


def _check_opaque(path: Where, encoded: bytes) -> None:
    import tensorflow as tf

    alpha = tf.io.decode_png(encoded, channels=4)[..., 3].numpy()
    if alpha.min() < 255:
        raise ImageError(
            f"{path} is transparent in {np.count_nonzero(alpha < 255):,} of its "
            f"{count(alpha.size, 'pixel')}, and training would see whatever colour "
            "hides there. Save it without alpha, on a background of your choice."
        )
