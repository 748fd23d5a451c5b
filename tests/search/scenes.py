"""Rendered streets as records, a run config for them, and features made by hand."""

import dataclasses
import pathlib

import numpy as np
import tensorflow as tf

from deeplab_dpc import checksums, scenes
from deeplab_dpc.config import DataConfig, EvalConfig, ModelConfig, TrainConfig
from deeplab_dpc.data import records
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.search.cache import cache
from deeplab_dpc.training.run_folder import RunConfig

SIZE = (48, 64)
CROP = (33, 49)
EVAL_CROP = (49, 65)


def write_records(folder: pathlib.Path, num_train: int = 5, num_val: int = 3) -> None:
    """Streets of 48x64 pixels with the classes of `render_scenes.py`."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    sizes = {"train": num_train, "val": num_val}
    for number, (split, count) in enumerate(sizes.items()):
        examples = []
        for i in range(count):
            image, label = scenes.render(np.random.default_rng((0, number, i)), SIZE)
            jpeg = tf.io.encode_jpeg(np.asarray(image)).numpy()
            png = tf.io.encode_png(np.asarray(label)[..., None]).numpy()
            record = records.Record(f"{split}{i}", jpeg, "jpg", SIZE, png)
            examples.append(records.encode(record))
        records.write_shard(folder / records.shard_name(split, 0, 1), examples)
    names, colors = zip(*scenes.CLASSES)
    info = DatasetInfo("streets", names, tuple(map(tuple, colors)), 255, sizes)
    info.save(folder)


def run_config(dataset_dir: pathlib.Path, **train) -> RunConfig:
    """A narrow MobileNet-v2, its weights drawn from the seed."""
    info = DatasetInfo.load(dataset_dir)
    settings = {"train_crop_size": CROP, **train}
    return RunConfig(
        ModelConfig(num_classes=info.num_classes, depth_multiplier=0.25),
        DataConfig(dataset_dir=str(dataset_dir)),
        TrainConfig(**settings),
        EvalConfig(eval_crop_size=EVAL_CROP),
        info,
    )


def make_cache(
    folder: pathlib.Path,
    num_train: int = 24,
    num_val: int = 6,
    size: tuple[int, int] = (3, 4),
    channels: int = 8,
    seed: int = 0,
    ignore_label: int = 255,
) -> pathlib.Path:
    """A cache of which the features say the labels, but for noise.

    Each pixel of a feature map has a class, which its first channels count; the label
    of a pixel of the image is that of the nearest one.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    rng, num_classes, output_stride = np.random.default_rng(seed), 3, 16
    crop_size = tuple((side - 1) * output_stride + 1 for side in size)
    names, colors = zip(*((f"class{i}", (i, i, i)) for i in range(num_classes)))
    sizes = {"train": num_train, "val": num_val}
    settings = {
        "model.model_variant": "mobilenet_v2",
        "model.output_stride": output_stride,
        "model.use_bounded_activation": False,
        "model.image_pooling_crop_size": None,
        "train.train_crop_size": list(crop_size),
        "eval.eval_crop_size": list(crop_size),
        "cache.images_per_shard": 10,
    }
    run = RunConfig(
        ModelConfig(num_classes=num_classes),
        DataConfig(),
        TrainConfig(train_crop_size=crop_size),
        EvalConfig(eval_crop_size=crop_size),
        DatasetInfo("made", names, colors, ignore_label, sizes),
    )
    manifest = cache.CacheManifest(settings, run, channels, sizes)
    shards = {}
    for name, (_, count) in manifest.missing().items():
        arrays = _views(rng, count, size, channels, num_classes, output_stride)
        paths = [folder / cache.file_name(name, kind) for kind in arrays]
        for path, array in zip(paths, arrays.values()):
            np.save(path, array)
        shards[name] = cache.CachedShard(count, *map(checksums.sha256, paths))
    dataclasses.replace(manifest, shards=shards).save(folder)
    return folder


def change_byte(path: pathlib.Path) -> None:
    """Damages a file."""
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def _views(rng, count, size, channels, num_classes, stride) -> dict[str, np.ndarray]:
    classes = rng.integers(num_classes, size=(count, *size))
    features = rng.normal(0, 0.3, (count, *size, channels))
    features[..., :num_classes] += np.eye(num_classes)[classes]
    sides = [np.arange((n - 1) * stride + 1) for n in size]
    rows, columns = ((side + stride // 2) // stride for side in sides)
    labels = classes[:, rows][:, :, columns].astype(np.uint8)
    labels[:, :2] = 255
    return {"features": features.astype(np.float16), "labels": labels}
