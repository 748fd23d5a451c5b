r"""How fast training batches of Cityscapes' size are made, against the original's way.

python benchmarks/input_pipeline.py [records folder]

Images of 1024x2048, crops of 769x769, batches of 8, scales 0.5 to 2. Each time is that
of one image. The images are made up (many scales of texture, as large as PNG and JPEG
files of real streets are); a folder of converted records takes their place if given.

Alternatives: the original's reading (one file after the other, images decoded, resized
and padded whole, then cropped, then a shuffle of 100), one at a time and with four
calls at a time; ours; and what is left of ours when only decoding remains. Decoding
cannot be less: a PNG's rows each build on the one before, a JPEG's code has no places
to begin in, and TensorFlow's decoder took less time than OpenCV's and Pillow's. Then
ours with each random change beyond the original's, and with all.
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import dataclasses  # noqa: E402
import functools  # noqa: E402
import io  # noqa: E402
import pathlib  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Mapping  # noqa: E402

import measuring  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from PIL import Image  # noqa: E402

from deeplab_dpc.config import AugmentConfig, TrainConfig  # noqa: E402
from deeplab_dpc.conversion.labels import reading
from deeplab_dpc.data import labels, pipeline, preprocess, records  # noqa: E402
from deeplab_dpc.data.dataset_info import DatasetInfo, known  # noqa: E402
from deeplab_dpc.inspection import augmentations  # noqa: E402

NAME = "input_pipeline"
CROP = (769, 769)
BATCH = 8
TRAIN = TrainConfig(train_batch_size=BATCH, train_crop_size=CROP)
ROUNDS = 3
WARM_UP_BATCHES, TIMED_BATCHES = 3, 12


def main(folder: str | None = None) -> None:
    """Runs both cases, whose rows are written, or one on a given folder."""
    if folder is not None:
        for measure in (compare, compare_changes):
            measure(DatasetInfo.load(folder), pathlib.Path(folder), folder)
        return
    rows = []
    with tempfile.TemporaryDirectory() as made_up:
        for image_format in ("png", "jpeg"):
            path = pathlib.Path(made_up, image_format)
            info = make_records(path, image_format)
            case = f"{image_format} 1024x2048, crop 769, batch 8"
            rows += compare(info, path, case) + compare_changes(info, path, case)
    measuring.write(NAME, rows)


def compare(
    info: DatasetInfo, folder: pathlib.Path, case: str
) -> list[dict[str, object]]:
    """Times the alternatives in turn, each from its start in every round."""
    files = [str(p) for p in records.shards_by_split(folder)["train"]]
    split = pipeline.Split(info, folder, TRAIN.train_split)
    ours = functools.partial(pipeline.training_batches, split, TRAIN)
    alternatives: dict[str, Callable[[], tf.data.Dataset]] = {
        "ours": ours,
        "original's way": lambda: originals_way(files, None),
        "original's way, 4 calls": lambda: originals_way(files, 4),
        "decoding alone": lambda: only_decoded(files),
    }
    rows = _timed(case, alternatives)
    _explain({str(r["alternative"]): float(str(r["median_ms"])) for r in rows})
    return rows


def compare_changes(
    info: DatasetInfo, folder: pathlib.Path, case: str
) -> list[dict[str, object]]:
    """Times ours with each random change, and with all of them."""
    split = pipeline.Split(info, folder, TRAIN.train_split)
    differences = augmentations.TYPICAL.differences(AugmentConfig())
    changes = {name: value for name, (value, _) in differences.items()}
    each = {f"{name}={value}": {name: value} for name, value in changes.items()}
    alternatives: dict[str, dict] = {"the original's": {}, **each, "all": changes}
    return _timed(
        f"random changes, {case}",
        {
            name: functools.partial(
                pipeline.training_batches, split, dataclasses.replace(TRAIN, **more)
            )
            for name, more in alternatives.items()
        },
    )


def _timed(
    case: str, alternatives: Mapping[str, Callable[[], tf.data.Dataset]]
) -> list[dict[str, object]]:
    times_ms: dict[str, list[float]] = {name: [] for name in alternatives}
    for _ in range(ROUNDS):
        for name, make in alternatives.items():
            times_ms[name].append(_image_ms(make()))
    return measuring.rows_of(NAME, case, times_ms)


def originals_way(files: list[str], calls: int | None) -> tf.data.Dataset:
    """As the original read: everything whole, the shuffle at the end."""
    images = tf.data.TFRecordDataset(files, num_parallel_reads=calls)
    images = images.map(_parsed, calls).map(_augmented_whole, calls)
    return images.shuffle(100).repeat().batch(BATCH).prefetch(BATCH)


def only_decoded(files: list[str]) -> tf.data.Dataset:
    """Images and labels decoded on all cores, and thrown away but for a corner."""

    def corner(serialized):
        image, label = _parsed(serialized)
        return image[:1, :1], label[:1, :1]

    images = tf.data.TFRecordDataset(files).repeat()
    return images.map(corner, tf.data.AUTOTUNE).batch(BATCH).prefetch(1)


def _parsed(serialized: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    record = records.parse(serialized)
    return records.decode_image(record["image"]), labels.decode(record["label"])


def _augmented_whole(image: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    factor = 0.5 + 0.25 * tf.cast(tf.random.uniform([], 0, 7, tf.int32), tf.float32)
    size = preprocess.scaled_size(tf.shape(image)[:2], factor)
    image = preprocess.resize_image(image, size)
    label = preprocess.resize_label(tf.cast(label, tf.int32), size)
    image = preprocess.pad_to_at_least(image, CROP, preprocess.MEAN_PIXEL)
    label = preprocess.pad_to_at_least(label, CROP, reading.IGNORE)
    both = tf.concat([image, tf.cast(label, tf.float32)], axis=-1)
    both = tf.image.random_flip_left_right(tf.image.random_crop(both, (*CROP, 4)))
    return both[..., :3], tf.cast(both[..., 3:], tf.int32)


def _image_ms(batches: tf.data.Dataset) -> float:
    iterator = iter(batches)
    for _ in range(WARM_UP_BATCHES):
        next(iterator)
    began = time.perf_counter()
    for _ in range(TIMED_BATCHES):
        next(iterator)
    return 1e3 * (time.perf_counter() - began) / (TIMED_BATCHES * BATCH)


def _explain(image_ms: dict[str, float]) -> None:
    ours = image_ms["ours"]
    for name, ms in image_ms.items():
        print(f"  {name}: {1e3 / ms:.1f} images/s; ours is {ms / ours:.2f} times it")
    print(f"  decoding is {image_ms['decoding alone'] / ours:.0%} of our time")


def make_records(folder: pathlib.Path, image_format: str, number: int = 24):
    """Writes made-up street-sized images of 19 classes as four shards."""
    folder.mkdir()
    draw = np.random.default_rng(0)
    pictures = [_picture(draw, image_format) for _ in range(number)]
    for i in range(4):
        path = folder / records.shard_name("train", i, 4)
        records.write_shard(path, map(records.encode, pictures[i::4]))
    city = known("cityscapes")
    info = DatasetInfo(
        city.name, city.class_names, city.colors, city.ignore_label, {"train": number}
    )
    info.save(folder)
    megabytes = [len(p.image) / 1e6 for p in pictures]
    print(f"{image_format}: {number} images of {np.mean(megabytes):.2f} MB")
    return info


def _picture(draw: np.random.Generator, image_format: str) -> records.Record:
    """Clouds of all scales, a little noise; classes are the levels of another cloud."""
    cloud = np.stack([_cloud(draw) for _ in range(3)], axis=-1)
    noise = draw.normal(0, 1.2, cloud.shape)
    pixels = np.clip(110 + 60 * cloud + noise, 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    quality = {"quality": 95} if image_format == "jpeg" else {}
    Image.fromarray(pixels).save(buffer, image_format, **quality)
    ids = np.clip(9 + 8 * _cloud(draw, finest=64), 0, 18).astype(np.uint8)
    label = records.encode_png(ids)
    return records.Record("made up", buffer.getvalue(), image_format, ids.shape, label)


def _cloud(draw: np.random.Generator, finest: int = 4) -> np.ndarray:
    height, width = 1024, 2048
    total, cell = np.zeros((height, width), np.float32), 512
    while cell >= finest:
        coarse = draw.normal(0, cell / 512, (height // cell + 1, width // cell + 1))
        image = Image.fromarray(coarse.astype(np.float32))
        total += np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
        cell //= 2
    return total


if __name__ == "__main__":
    main(*sys.argv[1:])
