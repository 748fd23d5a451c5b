"""Labels in records: the ids that a PNG says, whatever its kind; or words why not."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from deeplab_dpc.data import DatasetError

if TYPE_CHECKING:
    import tensorflow as tf

_PNG = b"\x89PNG\r\n\x1a\n"
_KIND = slice(24, 26)  # Of a PNG's bytes: bits a channel, and grey, palette or colours.
_GREY_8 = b"\x08\x00"  # What TensorFlow reads as it is; others it scales or cuts.
_ID_MODES = ("1", "L", "P", "I", "I;16", "I;16B")


def decode(
    encoded: tf.Tensor, stated: tf.Tensor | str = "", whose: tf.Tensor | str = ""
) -> tf.Tensor:
    """A label's ids, `[height, width, 1]` uint8. What `ids` refuses is an
    `InvalidArgumentError` when run; `whose` begins its text, `stated` is the format
    that the record says.
    """
    import tensorflow as tf

    stated = tf.convert_to_tensor(stated)
    head = tf.strings.join([tf.strings.substr(encoded, 0, 26), "\0" * 26])
    is_plain = tf.equal(tf.strings.substr(head, 0, 8), _PNG)
    is_plain &= tf.equal(tf.strings.substr(head, 24, 2), _GREY_8)

    def of_arrays(*given: bytes | np.ndarray) -> tuple[np.ndarray, bytes]:
        return _ids(*(x.item() if isinstance(x, np.ndarray) else x for x in given))

    def unusual() -> tf.Tensor:
        label, reason = tf.numpy_function(
            of_arrays, [encoded, stated], [tf.uint8, tf.string]
        )
        message = tf.strings.join([whose, reason])
        check = tf.debugging.Assert(tf.equal(reason, ""), [message])
        with tf.control_dependencies([check] if check is not None else []):
            return tf.ensure_shape(label, [None, None, 1])

    return tf.cond(is_plain, lambda: tf.io.decode_png(encoded, channels=1), unusual)


def ids(encoded: bytes, stated: bytes = b"") -> np.ndarray:
    """A label PNG's ids, `[height, width, 1]` uint8: the values of 1 to 16 bits, a
    palette's indices, and colours that are grey. Anything else is a `DatasetError`.
    """
    if encoded.startswith(_PNG) and encoded[_KIND] == _GREY_8:
        import tensorflow as tf

        return tf.io.decode_png(encoded, channels=1).numpy()
    label, reason = _ids(encoded, stated)
    if reason:
        raise DatasetError(reason.decode())
    return label


def true_values(pixels: np.ndarray, mode: str, encoded: bytes) -> np.ndarray:
    """Undoes what the decoder makes of few bits: 0..15 of 4 bits come as 0..255."""
    if mode == "1":
        return pixels.astype(np.uint8)
    bits = encoded[_KIND][0] if encoded.startswith(_PNG) else 8
    if mode == "L" and bits in (2, 4):
        return pixels // np.uint8(255 // (2**bits - 1))
    return pixels


def _ids(encoded: bytes, stated: bytes) -> tuple[np.ndarray, bytes]:
    """The ids and b"", or what is wrong, since graphs lose an exception's words."""
    try:
        return _read(encoded, stated.decode(errors="replace")), b""
    except DatasetError as e:
        reason = str(e)
    except Exception as e:  # A damaged file makes the decoder raise almost anything.
        reason = f"its label is damaged ({e})."
    return np.zeros((0, 0, 1), np.uint8), reason.encode()


def _read(encoded: bytes, stated: str) -> np.ndarray:
    if not encoded.startswith(_PNG):
        what = "a JPEG" if encoded.startswith(b"\xff\xd8\xff") else "no PNG"
        raise DatasetError(
            f"its label is {what} (the record says {stated[:20] or 'nothing'}); "
            "labels must be PNGs of ids. Convert the data set again."
        )
    with Image.open(io.BytesIO(encoded), formats=["PNG"]) as file:
        pixels = true_values(np.asarray(file), file.mode, encoded)
        if file.mode not in _ID_MODES:
            pixels = _grey(pixels, file.mode, encoded[_KIND][0])
    if pixels.min(initial=0) < 0 or pixels.max(initial=0) > 255:
        raise DatasetError(
            f"its label has values up to {pixels.max()}; ids are 0..255. Convert the "
            "data set again."
        )
    return pixels.astype(np.uint8)[..., None]


def _grey(pixels: np.ndarray, mode: str, bits: int) -> np.ndarray:
    """The ids of a picture whose channels are equal, and opaque."""
    opaque = mode not in ("LA", "RGBA") or (pixels[..., -1] == 255).all()
    colors = pixels[..., :-1] if mode in ("LA", "RGBA") else pixels
    if bits != 8 or not opaque or (colors != colors[..., :1]).any():
        raise DatasetError(
            f"its label is a picture of colours ({mode}, {bits} bits), not of ids. "
            "Convert the data set again, such as with build_folder_data.py "
            "--label_palette."
        )
    return colors[..., 0]
