"""Computes features and writes them, shard by shard, where the last run stopped."""

import contextlib
import dataclasses
import os
import pathlib
import shutil
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from absl import logging

from deeplab_dpc import files, weights
from deeplab_dpc.checksums import sha256
from deeplab_dpc.config import ConfigError, TrainConfig
from deeplab_dpc.data import pipeline, records
from deeplab_dpc.formatting import count
from deeplab_dpc.progress import Progress
from deeplab_dpc.search.cache import cache as kept
from deeplab_dpc.search.cache.cache import KINDS, Cache, CacheError, CacheManifest, Path
from deeplab_dpc.search.cache.features import Backbone, splits, views
from deeplab_dpc.search.config import CacheConfig
from deeplab_dpc.training.run_folder import RunConfig

Batches = Iterator[dict[str, np.ndarray]]
# What features follow from, beside weights and records; two are the heads'.
_SETTINGS = {
    "model": "model_variant output_stride multi_grid depth_multiplier divisible_by "
    "use_bounded_activation image_pooling_crop_size",
    "data": "min_resize_value max_resize_value resize_factor keep_aspect_ratio "
    "skip_bad_records",
    "train": "train_split train_crop_size min_scale_factor max_scale_factor "
    "scale_factor_step_size photometric_distortion seed",
    "eval": "eval_split eval_crop_size",
    "cache": "num_views images_per_shard",
}

# Settings of train that older caches lack: they count where they are not the default.
_LATER = ("random_flip", "rotation_degrees", "blur_sigma_px", "cutout_share")


def write_cache(
    folder: Path, run: RunConfig, cache: CacheConfig, parts: Sequence[str] = kept.SPLITS
) -> Cache:
    """Runs the backbone over the training views and the validation images; opens the
    cache.

    A folder that holds some of the shards is gone on with: those whose checksums are
    right stay as they are. Killed at any moment, it loses the shard at work. View `v`
    of a training image is the one that training shows in epoch `v`, a function of the
    seed. Validation images are whole and padded to the crop size. Of the `parts`
    `train` may be left out.

    `CacheError` if the folder holds a cache of other settings, it has too little space,
    or an image does not fit its crop; `ConfigError` without a folder of records;
    `DatasetError` if records are missing or damaged; `LockedError` if another process
    is writing it; `WeightsError` if the checkpoint does not fit.
    """
    path = pathlib.Path(folder)
    backbone = Backbone(run.model, run.train)
    wanted = _wanted(run, cache, backbone, parts)
    files.made_folder(path)
    with files.claimed(path / files.LOCK):
        for left_by_a_killed_one in path.glob(".*.tmp"):
            left_by_a_killed_one.unlink()
        manifest = _with_found(wanted, path)
        _check_space(path, manifest)
        _log(path, manifest)
        if manifest.missing():
            manifest.save(path)
            _write_missing(path, manifest, run, backbone)
    return Cache.open(path)


def _wanted(
    run: RunConfig, cache: CacheConfig, backbone: Backbone, parts: Sequence[str]
) -> CacheManifest:
    """The manifest of the cache to be, without shards."""
    if run.data.dataset_dir is None:
        raise ConfigError("dataset_dir is not given; a cache needs records.")
    folder = run.data.dataset_dir
    source = weights.absolute(str(run.train.tf_initial_checkpoint))
    values = {**run.to_dict(), "cache": cache.to_dict()}
    settings: dict[str, Any] = {
        f"{part}.{name}": values[part][name]
        for part, names in _SETTINGS.items()
        for name in names.split()
    }
    changed = run.train.differences(TrainConfig())
    settings |= {f"train.{n}": values["train"][n] for n in _LATER if n in changed}
    names = {split: name for split, name in splits(run).items() if split in parts}
    counts = {}
    for split, name in names.items():
        records_of = pipeline.Split(run.dataset, folder, name, run.data)
        records_of.check_labels()
        counts[split] = len(records_of.index())
    settings["weights_sha256"] = backbone.weights_sha256()
    settings["records"] = {  # Other files of records are another cache.
        path.name: path.stat().st_size
        for name in names.values()
        for path in records.shards_by_split(folder)[run.dataset.part(name)[0]]
    }
    data = dataclasses.replace(run.data, dataset_dir=os.path.abspath(folder))
    train = dataclasses.replace(run.train, tf_initial_checkpoint=source)
    run = dataclasses.replace(run, data=data, train=train)
    if kept.TRAIN in counts:
        counts[kept.TRAIN] *= cache.num_views
    return CacheManifest(settings, run, backbone.channels, counts)


def _with_found(wanted: CacheManifest, folder: pathlib.Path) -> CacheManifest:
    """The manifest with those shards that are there and whole."""
    if not (folder / kept.FILE_NAME).is_file():
        strange = sorted(p.name for p in folder.iterdir() if p.name[0] != ".")
        if strange:
            raise CacheError(
                f"{folder} is no cache, but holds {strange[:4]}. Give an empty folder, "
                "or one that does not exist."
            )
        return wanted
    found = CacheManifest.load(folder)
    there, now = (
        {**m.settings, "dataset": m.run.dataset.to_dict()} for m in (found, wanted)
    )
    names = [k for k in sorted(there.keys() | now.keys()) if there.get(k) != now.get(k)]
    if names:
        lines = [f"  {k}: {there.get(k)!r} there, now {now.get(k)!r}" for k in names]
        raise CacheError(
            f"{folder} holds features of other settings:\n" + "\n".join(lines) + "\n"
            "Go on with its own settings, or give another folder."
        )
    whole = {k: v for k, v in found.shards.items() if found.is_whole(folder, k)}
    for name in found.shards.keys() - whole.keys():
        logging.warning("%s/%s is missing or damaged; it is made anew.", folder, name)
    return dataclasses.replace(wanted, shards=whole)


def _check_space(folder: pathlib.Path, manifest: CacheManifest) -> None:
    needed = sum(manifest.num_bytes(*shard) for shard in manifest.missing().values())
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise CacheError(
            f"{folder} has {free / 2**30:,.1f} GiB free, but the features need "
            f"{needed / 2**30:,.1f} GiB more. Free some space, or lower --num_views or "
            "--train_crop_size."
        )


def _log(folder: pathlib.Path, manifest: CacheManifest) -> None:
    for split, number in manifest.num_views.items():
        there = number - sum(n for s, n in manifest.missing().values() if s == split)
        crop = "x".join(map(str, manifest.crop_size(split)))
        maps = "x".join(map(str, manifest.shape(split, "features", 1)[1:]))
        mib = manifest.num_bytes(split, number) / 2**20
        logging.info(
            "%s: %s: %s of %s pixels, features of %s, %.0f MiB; %d there.",
            *(folder, split, count(number, "view"), crop, maps, mib, there),
        )


def _write_missing(
    folder: pathlib.Path, manifest: CacheManifest, run: RunConfig, backbone: Backbone
) -> None:
    missing = manifest.missing()
    with Progress(sum(size for _, size in missing.values())) as progress:
        for split in manifest.num_views:
            batches: Batches | None = None
            for index, (name, size) in enumerate(manifest.shard_sizes(split).items()):
                if name not in missing:
                    batches = None
                    continue
                batches = batches or (
                    {"features": backbone(images), "labels": labels}
                    for images, labels in views(run, manifest, split, index)
                )
                shapes = {kind: manifest.shape(split, kind, size) for kind in KINDS}
                shard = _write_shard(folder / name, shapes, batches, progress)
                shards = {**manifest.shards, name: shard}
                manifest = dataclasses.replace(manifest, shards=shards)
                manifest.save(folder)


def _write_shard(
    name: pathlib.Path, shapes: dict[str, Any], batches: Batches, progress: Progress
) -> kept.CachedShard:
    """Fills a shard's two files, which have their names when they are whole."""
    arrays, paths = {}, []
    done, total = 0, shapes["labels"][0]
    with contextlib.ExitStack() as stack:
        for kind, dtype in KINDS.items():
            path = name.with_name(kept.file_name(name.name, kind))
            paths.append(stack.enter_context(files.atomically(path)))
            arrays[kind] = np.lib.format.open_memmap(
                paths[-1], mode="w+", dtype=dtype, shape=shapes[kind]
            )
        while done < total:
            batch = next(batches)
            size = min(len(batch["labels"]), total - done)
            for kind, array in arrays.items():
                array[done : done + size] = batch[kind][:size]
            done += size
            progress.advance(size)
        for array in arrays.values():
            array.flush()
        return kept.CachedShard(total, *map(sha256, paths))
