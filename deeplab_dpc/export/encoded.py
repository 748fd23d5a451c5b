"""Image files inside a graph: the pixels that `evaluation.photos` reads of them."""

import functools
from collections.abc import Callable

import tensorflow as tf

from deeplab_dpc.data import records

_MAX_SEGMENTS = 10_000  # Of a file, in which its EXIF data are looked for.
_ORIENTATION = 0x0112
_TIFF = (0x49492A00, 0x4D4D002A)  # Little and big endian.
_SHORT, _LONG = 3, 4
_XMP = r'(?s)\C*?tiff:Orientation(?:="|>)([1-8])\C*'  # `\C` is any byte.
_TEXT_EXIF = r"(?s)\C*Raw profile type exif\C*"
_TEXTS_WITHIN_BYTES = 1 << 18


def decode(image: tf.Tensor, max_pixels: float, name: tf.Tensor | str) -> tf.Tensor:
    """The pixels of a JPEG, PNG or BMP file, `[height, width, 3]` uint8: upright as its
    EXIF data or XMP say, of 16 bits the upper 8.

    The graph raises `InvalidArgumentError` in words, with the `name`, for what
    `data.images` refuses, too: before it decodes anything for other formats, CMYK and
    more pixels than `max_pixels`, then for damage and transparency. So it does for what
    TensorFlow cannot decode in a graph: WebP, TIFF, BMPs that are compressed or of
    fewer than 24 bits.
    """
    check = functools.partial(_check, name)
    data = tf.io.decode_raw(image, tf.uint8)
    is_jpeg = _number(data, 0, 3) == 0xFFD8FF
    is_png = (_number(data, 0, 4) == 0x89504E47) & (_number(data, 4, 4) == 0x0D0A1A0A)
    bits = _number(data, 28, 2, True)
    is_bmp = (_number(data, 0, 2) == 0x424D) & (_number(data, 14, 4, True) >= 40)
    is_bmp &= ((bits == 24) | (bits == 32)) & (_number(data, 30, 4) == 0)
    is_known = check(
        is_jpeg | is_png | is_bmp,
        "The {} bytes are no JPEG, PNG or plain BMP file of 24 or 32 bits; WebP, TIFF "
        "and other BMPs, which vis.py reads, cannot be decoded in an export. Save the "
        "photo as JPEG or PNG.",
        tf.size(data),
    )
    with tf.control_dependencies([is_known]):
        shape = tf.cond(
            is_jpeg,
            lambda: _tried(_jpeg_shape, image, tf.zeros([3], tf.int64)),
            lambda: tf.stack([*_size(data, is_png), 3]),
        )
    height, width, channels = tf.unstack(tf.ensure_shape(shape, [3]))
    checks = [
        check(
            tf.minimum(height, width) > 0,
            "The file is damaged: its header says no size.",
        ),
        check(
            tf.cast(height, tf.float64) * tf.cast(width, tf.float64) <= max_pixels,
            f"The image has {{}} x {{}} pixels, more than the {max_pixels:,.0f} that "
            "it may have. Shrink it, or export with a larger --max_megapixels.",
            (width, height),
        ),
        check(
            channels <= 3,
            "The JPEG has CMYK colours (for print); save it as RGB.",
        ),
        check(
            ~is_png | (_png_chunk(data, b"acTL") >= tf.size(data, tf.int64)),
            "The PNG is animated; save one picture of it.",
        ),
        check(
            ~(is_png & tf.strings.regex_full_match(_start(image), _TEXT_EXIF)),
            "The PNG has its EXIF data as text (Raw profile type exif), so it may be "
            "turned; save it upright and without them.",
        ),
    ]
    with tf.control_dependencies(checks):
        pixels = _tried(
            lambda image: _colors(image, is_png, is_bmp & (bits == 32)),
            image,
            tf.zeros([0, 0, 3], tf.uint8),
        )
        clear = tf.cond(is_png, lambda: _num_clear(pixels, data), lambda: 0)
    checks = [
        check(
            tf.size(pixels) > 0,
            "The file cannot be decoded: it is damaged, or was cut short.",
        ),
        check(
            clear == 0,
            "The PNG has {} transparent pixels; save it without alpha, on a background "
            "of your choice.",
            clear,
        ),
    ]
    with tf.control_dependencies(checks):
        orientation = tf.where(~is_bmp, _orientation(image, data, is_jpeg), 1)
        return _turned(pixels[..., :3], orientation)


def _check(
    name: tf.Tensor | str, holds: tf.Tensor, text: str, values: object = ()
) -> tf.Operation:
    said = tf.strings.join([name, tf.strings.format(text, values)], ": ")
    return tf.debugging.Assert(holds, [said])


def _tried(
    decode: Callable[[tf.Tensor], tf.Tensor], image: tf.Tensor, otherwise: tf.Tensor
) -> tf.Tensor:
    """What `decode` gives of a file; `otherwise` if TensorFlow raises an error, which
    nothing but `tf.data` catches in a graph.
    """
    tried = tf.data.Dataset.from_tensors(image).map(decode).ignore_errors()
    last = tf.data.Dataset.from_tensors(otherwise)
    return tried.concatenate(last).take(1).get_single_element()


def _jpeg_shape(image: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.io.extract_jpeg_shape(image), tf.int64)


def _size(data: tf.Tensor, is_png: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Height and width of a PNG, or else of a BMP, whose height may be negative."""
    rows, columns = _number(data, 22, 4, True), _number(data, 18, 4, True)
    rows = tf.minimum(rows, 2**32 - rows)
    png = _number(data, 20, 4), _number(data, 16, 4)
    return tf.where(is_png, png[0], rows), tf.where(is_png, png[1], columns)


def _colors(image: tf.Tensor, is_png: tf.Tensor, has_32_bits: tf.Tensor) -> tf.Tensor:
    """The pixels of a file; a PNG's with alpha."""
    return tf.cond(
        is_png,
        lambda: tf.io.decode_png(image, channels=4),
        lambda: tf.cond(
            has_32_bits,
            lambda: tf.io.decode_bmp(image, channels=4)[..., :3],
            lambda: records.decode_image(image),
        ),
    )


def _num_clear(rgba: tf.Tensor, data: tf.Tensor) -> tf.Tensor:
    """How many pixels of a PNG are transparent."""
    # Without alpha or tRNS, TensorFlow takes all pixels of 1 to 4 bits as clear.
    kind, chunk = _number(data, 25, 1), _png_chunk(data, b"tRNS")
    may_be_clear = (kind == 4) | (kind == 6) | (chunk < tf.size(data, tf.int64))
    clear = may_be_clear & (rgba[..., 3:] < 255)
    return tf.math.count_nonzero(clear, dtype=tf.int32)


def _turned(pixels: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """The pixels as viewers show them; EXIF 2.3, tag Orientation."""
    pixels = tf.transpose(pixels, tf.where(orientation >= 5, [1, 0, 2], [0, 1, 2]))
    is_mirrored = [
        tf.reduce_any(orientation == among) for among in ((3, 4, 7, 8), (2, 3, 6, 7))
    ]
    pixels = tf.reverse(pixels, tf.boolean_mask([0, 1], is_mirrored))
    return tf.ensure_shape(pixels, [None, None, 3])


def _orientation(image: tf.Tensor, data: tf.Tensor, is_jpeg: tf.Tensor) -> tf.Tensor:
    """The EXIF orientation, 1..8; what XMP says where there is none."""
    exif = tf.cond(is_jpeg, lambda: _in_jpeg(data), lambda: _png_chunk(data, b"eXIf"))
    found = _in_tiff(data, exif)
    xmp = tf.strings.regex_replace(_start(image), _XMP, r"\1", replace_global=False)
    said = tf.where(tf.strings.regex_full_match(xmp, "[1-8]"), xmp, "1")
    return tf.where(found == 0, tf.strings.to_number(said, tf.int64), found)


def _start(image: tf.Tensor) -> tf.Tensor:
    """The bytes in which a file's texts are looked for."""
    return tf.strings.substr(image, 0, _TEXTS_WITHIN_BYTES)


def _in_jpeg(data: tf.Tensor) -> tf.Tensor:
    """Where the TIFF data of a JPEG's first EXIF segment begin."""

    def is_exif(at: tf.Tensor) -> tf.Tensor:
        begins = _number(data, at, 2) == 0xFFE1
        return begins & (_number(data, at + 4, 6) == 0x457869660000)

    def length(at: tf.Tensor) -> tf.Tensor:
        marker = _number(data, at, 2)
        is_marker = (marker >= 0xFF00) & (marker != 0xFFFF)
        step = tf.where(is_marker, 2 + _number(data, at + 2, 2), 1)
        return tf.where(marker == 0xFFDA, tf.size(data, tf.int64), step)

    return _walk(data, 2, is_exif, length) + 10


def _png_chunk(data: tf.Tensor, kind: bytes) -> tf.Tensor:
    """Where the data of a PNG's first chunk of this kind begin."""
    code = int.from_bytes(kind)
    return 8 + _walk(
        data,
        8,
        lambda at: _number(data, at + 4, 4) == code,
        lambda at: 12 + _number(data, at, 4),
    )


def _walk(
    data: tf.Tensor,
    start: int,
    is_wanted: Callable[[tf.Tensor], tf.Tensor],
    length: Callable[[tf.Tensor], tf.Tensor],
) -> tf.Tensor:
    """Where the first part begins that is wanted, or a place at or after the end."""
    (at,) = tf.while_loop(
        lambda at: (at < tf.size(data, tf.int64)) & ~is_wanted(at),
        lambda at: (at + length(at),),
        [tf.constant(start, tf.int64)],
        maximum_iterations=_MAX_SEGMENTS,
    )
    return tf.where(is_wanted(at), at, tf.size(data, tf.int64))


def _in_tiff(data: tf.Tensor, at: tf.Tensor) -> tf.Tensor:
    """The orientation in the first directory of TIFF data; 0 without one."""
    is_little = _number(data, at, 4) == _TIFF[0]
    directory = at + _number(data, at + 4, 4, is_little)
    begins = directory + 2
    fields = data[begins : begins + 12 * _number(data, directory, 2, is_little)]
    fields = tf.reshape(fields[: tf.size(fields) // 12 * 12], [-1, 12])
    tags, kinds, counts, short, long = (
        _value(fields[:, a:b], is_little)
        for a, b in ((0, 2), (2, 4), (4, 8), (8, 10), (8, 12))
    )
    values = tf.where(kinds == _LONG, long, short)
    is_it = (tags == _ORIENTATION) & ((kinds == _SHORT) | (kinds == _LONG))
    is_it &= (counts == 1) & (values >= 1) & (values <= 8)
    is_tiff = is_little | (_number(data, at, 4) == _TIFF[1])
    return tf.maximum(tf.reduce_max(tf.where(is_it & is_tiff, values, 0)), 0)


def _number(
    data: tf.Tensor, at: tf.Tensor | int, size: int, is_little: tf.Tensor | bool = False
) -> tf.Tensor:
    """The unsigned integer at a place, int64; what is after the end counts as zeros."""
    part = data[at : at + size]
    part = tf.pad(part, [[0, size - tf.size(part)]])
    return _value(tf.ensure_shape(part, [size]), is_little)


def _value(digits: tf.Tensor, is_little: tf.Tensor | bool) -> tf.Tensor:
    digits = tf.cast(digits, tf.int64)
    digits = tf.where(is_little, tf.reverse(digits, [-1]), digits)
    powers = [256**i for i in reversed(range(digits.shape[-1]))]
    return tf.reduce_sum(digits * tf.constant(powers, tf.int64), -1)
