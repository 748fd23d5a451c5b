"""Resizing, padding, cropping, flipping: the original's arithmetic, on tensors.

Images are `[height, width, channels]`, labels `[height, width, 1]`. Every resize has
aligned corners: bilinear for images, nearest neighbour for labels.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from deeplab_dpc.config import DataConfig

MEAN_PIXEL = 127.5  # What images are padded with: 0 after the model's scaling.
OUTSIDE = -1  # Label of what is beyond a turned image.

Size = tuple[tf.Tensor, tf.Tensor]


def resize_image(
    image: tf.Tensor, size: Size | tf.Tensor, align_corners: bool = True
) -> tf.Tensor:
    """Bilinear resize of `[height, width, channels]` to `size`; gives float32."""
    image = tf.cast(image, tf.float32)[tf.newaxis]
    size = tf.cast(tf.stack(size), tf.int32)
    return tf.raw_ops.ResizeBilinear(
        images=image, size=size, align_corners=align_corners
    )[0]


def resize_label(
    label: tf.Tensor, size: Size | tf.Tensor, align_corners: bool = True
) -> tf.Tensor:
    """Nearest neighbour resize of `[height, width, 1]` to `size`; keeps the dtype."""
    size = tf.cast(tf.stack(size), tf.int32)
    return tf.raw_ops.ResizeNearestNeighbor(
        images=label[tf.newaxis], size=size, align_corners=align_corners
    )[0]


def range_size(
    size: tf.Tensor,
    min_size: float,
    max_size: float | None = None,
    factor: int | None = None,
    keep_aspect_ratio: bool = True,
) -> tf.Tensor:
    """The size, `[2]` int32, to resize `size` to, so that the sides lie in a range.

    In float32 and rounded down, as the original does it (37x53 to at most 60 gives
    41x59). The smaller side becomes `min_size`, but the larger side's limit `max_size`
    wins. Sides are rounded up to a multiple of `factor` plus one, the limit down.
    Without the aspect ratio both sides become the larger one.
    """
    size = tf.cast(size, tf.float32)
    # Not `/`: where a size is computed, OpenVINO 2026.4 turns number / tensor around.
    divide = tf.math.divide_no_nan
    new = tf.floor(size * divide(float(min_size), tf.reduce_min(size)))
    if max_size is not None:
        max_size -= (max_size - 1) % factor if factor is not None else 0
        limited = tf.floor(size * divide(float(max_size), tf.reduce_max(size)))
        new = tf.where(tf.reduce_max(new) > float(max_size), limited, new)
    new = tf.cast(new, tf.int32)
    if factor is not None:
        new += (factor - (new - 1) % factor) % factor
    if not keep_aspect_ratio:
        new = tf.fill([2], tf.reduce_max(new))
    return new


def resize_to_range(
    image: tf.Tensor, label: tf.Tensor | None, data: DataConfig
) -> tuple[tf.Tensor, tf.Tensor | None]:
    """Resizes `[height, width, 3]` and `[height, width, 1]` (or None) as the settings
    say; see `range_size`. Without any, not at all; the image is float32 if it was
    resized.
    """
    if data.min_resize_value is None:
        return image, label
    size = range_size(
        tf.shape(image)[:2],
        data.min_resize_value,
        data.max_resize_value,
        data.resize_factor,
        data.keep_aspect_ratio,
    )
    label = None if label is None else resize_label(label, size)
    return resize_image(image, size), label


def scaled_size(size: tf.Tensor, factor: tf.Tensor | float) -> tf.Tensor:
    """`factor` times a size, in float32 and rounded down as in the original; `[2]`."""
    size = tf.cast(size, tf.float32) * tf.cast(factor, tf.float32)
    return tf.maximum(tf.cast(size, tf.int32), 1)


def pad_to_bounding_box(
    image: tf.Tensor,
    offset: tuple[int, int],
    target: Size | tuple[int, int] | tf.Tensor,
    value: float | Sequence[float],
) -> tf.Tensor:
    """Pads images `[..., height, width, channels]` with a value (one, or one a
    channel).

    They get the height and width `target`, with `offset` rows above and columns left.
    `InvalidArgumentError` if the image does not fit.
    """
    shape = tf.shape(image)
    before = tf.constant(offset, tf.int32)
    after = tf.cast(tf.stack(target), tf.int32) - before - shape[-3:-1]
    rows = tf.stack([before, after], axis=1)
    zeros = tf.zeros([1, 2], tf.int32)
    paddings = tf.concat([zeros] * (image.shape.rank - 3) + [rows, zeros], axis=0)
    fill = tf.constant(value, image.dtype)
    if fill.shape.rank == 0:
        padded = tf.pad(image, paddings, constant_values=fill)
    else:
        padded = tf.pad(image - fill, paddings) + fill
    padded.set_shape([*image.shape[:-3], None, None, image.shape[-1]])
    return padded


def pad_to_at_least(
    image: tf.Tensor,
    size: tuple[int, int] | tf.Tensor,
    value: float | Sequence[float],
) -> tf.Tensor:
    """Pads at the bottom and the right so that no side is shorter than `size`."""
    target = tf.maximum(tf.shape(image)[:2], tf.convert_to_tensor(size, tf.int32))
    return pad_to_bounding_box(image, (0, 0), target, value)


class Crop(NamedTuple):
    """A part of an image that is resized first; each `[2]` int32, rows and columns."""

    scaled: Any  # The size of the whole.
    offset: Any  # Of the part's first pixel.
    size: Any  # Of the part.


def scaled_crop(
    image: tf.Tensor, label: tf.Tensor, crop: Crop
) -> tuple[tf.Tensor, tf.Tensor]:
    """A part of a resized image and label, without resizing the rest.

    Equals that part of `resize_image` and `resize_label`: the label exactly, the image,
    float32, to rounding (exactly, too, where the size stays).
    """
    same = tf.reduce_all(tf.equal(crop.scaled, tf.shape(image)[:2]))

    def part(x: tf.Tensor) -> tf.Tensor:
        begin = tf.concat([crop.offset, [0]], 0)
        extent = tf.concat([crop.size, [-1]], 0)
        return tf.ensure_shape(tf.slice(x, begin, extent), [None, None, x.shape[-1]])

    return tf.cond(
        same,
        lambda: (tf.cast(part(image), tf.float32), part(label)),
        lambda: (_bilinear_part(image, crop), _nearest_part(label, crop)),
    )


def rotated_crop(
    image: tf.Tensor, label: tf.Tensor, crop: Crop, degrees: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """As `scaled_crop`, but turned about the crop's middle, to the left if `degrees` is
    above 0, and always of the whole `crop.size`: both come out of one resampling.

    Where the turned crop reaches beyond the image the label, int32, is `OUTSIDE` and
    the image goes on as at its edge.
    """
    step = tf.cast(tf.shape(image)[:2] - 1, tf.float32)
    step /= tf.cast(tf.maximum(crop.scaled - 1, 1), tf.float32)
    radians = degrees * (math.pi / 180)
    turn = [[tf.cos(radians), tf.sin(radians)], [-tf.sin(radians), tf.cos(radians)]]
    turn = tf.stack(turn) * step[:, tf.newaxis]
    middle = tf.cast(crop.size - 1, tf.float32) / 2
    first = step * (tf.cast(crop.offset, tf.float32) + middle)
    first -= tf.linalg.matvec(turn, middle)
    columns_first = tf.reverse(tf.concat([turn, first[:, tf.newaxis]], 1), [0])
    transform = tf.gather(columns_first, [1, 0, 2], axis=1)
    transform = tf.concat([tf.reshape(transform, [6]), [0.0, 0.0]], 0)

    def turned(x: tf.Tensor, interpolation: str, beyond: str) -> tf.Tensor:
        found = tf.raw_ops.ImageProjectiveTransformV3(
            images=x[tf.newaxis],
            transforms=transform[tf.newaxis],
            output_shape=crop.size,
            fill_value=float(OUTSIDE),
            interpolation=interpolation,
            fill_mode=beyond,
        )
        return tf.ensure_shape(found[0], [None, None, x.shape[-1]])

    image = turned(tf.cast(image, tf.float32), "BILINEAR", "NEAREST")
    return image, turned(tf.cast(label, tf.int32), "NEAREST", "CONSTANT")


def _bilinear_part(image: tf.Tensor, crop: Crop) -> tf.Tensor:
    """The last row and column are doubled: rounding may reach a little beyond them."""
    image = tf.concat([image, image[-1:]], axis=0)
    image = tf.concat([image, image[:, -1:]], axis=1)
    extent = tf.cast(tf.shape(image)[:2] - 1, tf.float32)
    steps = tf.cast(tf.maximum(crop.scaled - 1, 1), tf.float32)
    ends = crop.offset, crop.offset + crop.size - 1
    box = [tf.cast(at, tf.float32) / steps * (extent - 1) / extent for at in ends]
    box = tf.concat(box, axis=0)[tf.newaxis]
    part = tf.image.crop_and_resize(image[tf.newaxis], box, [0], crop.size)
    return tf.ensure_shape(part[0], [None, None, image.shape[-1]])


def _nearest_part(label: tf.Tensor, crop: Crop) -> tf.Tensor:
    """Rows and columns by the arithmetic of `ResizeNearestNeighbor`."""
    for axis in (0, 1):
        length, new = tf.shape(label)[axis], crop.scaled[axis]
        step = tf.cast(length - 1, tf.float32) / tf.cast(new - 1, tf.float32)
        step = tf.where(new > 1, step, tf.cast(length, tf.float32))
        begin, count = crop.offset[axis], crop.size[axis]
        at = tf.cast(tf.range(begin, begin + count), tf.float32)
        at = tf.minimum(tf.cast(tf.floor(at * step + 0.5), tf.int32), length - 1)
        label = tf.gather(label, at, axis=axis)
    return label


def for_evaluation(
    image: tf.Tensor,
    label: tf.Tensor,
    crop_size: tuple[int, int],
    data: DataConfig,
    padding: int | tuple[int, float | Sequence[float]] = 255,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """An image and its label as they are evaluated: resized if set, then padded.

    Takes `[height, width, 3]`, 0..255, and `[height, width, 1]`; gives float32, int32,
    and the size before padding, int32 `[2]`. `padding` is what labels are padded with;
    or that, and what images are padded with instead of grey. Differs from the original
    in an image larger than the crop: here as there it stays whole, but here the model
    takes any size.
    """
    both = padding if isinstance(padding, tuple) else (padding, MEAN_PIXEL)
    image, label = resize_to_range(image, label, data)
    size = tf.shape(image)[:2]
    image = pad_to_at_least(tf.cast(image, tf.float32), crop_size, both[1])
    label = pad_to_at_least(tf.cast(label, tf.int32), crop_size, both[0])
    return image, label, size
