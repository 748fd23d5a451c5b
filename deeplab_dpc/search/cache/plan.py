"""What a cache is to hold, and what of it is there already."""

import dataclasses
import os
import pathlib
import shutil
from typing import Any

from absl import logging

from deeplab_dpc.config import ConfigError
from deeplab_dpc.data import pipeline, records
from deeplab_dpc.search.cache.backbone import Backbone
from deeplab_dpc.search.cache.manifest import FILE_NAME, PARTS, CacheError, Manifest
from deeplab_dpc.search.cache.reading import is_whole
from deeplab_dpc.search.config import CacheConfig
from deeplab_dpc.training.run_folder import RunConfig

_SETTINGS = {
    "model": (
        "model_variant",
        "output_stride",
        "multi_grid",
        "depth_multiplier",
        "divisible_by",
        "use_bounded_activation",
        "image_pooling_crop_size",
    ),
    "data": (
        "min_resize_value",
        "max_resize_value",
        "resize_factor",
        "keep_aspect_ratio",
        "skip_bad_records",
    ),
    "train": (
        "train_split",
        "train_crop_size",
        "min_scale_factor",
        "max_scale_factor",
        "scale_factor_step_size",
        "photometric_distortion",
        "seed",
    ),
    "eval": ("eval_split", "eval_crop_size"),
    "cache": ("num_views", "images_per_shard"),
}
"""What features follow from, beside weights and records; two are the heads'."""


def splits(run: RunConfig) -> dict[str, str]:
    """The data set's split that each part of a cache shows."""
    return {"train": run.train.train_split, "val": run.eval.eval_split}


def wanted(run: RunConfig, cache: CacheConfig, backbone: Backbone) -> Manifest:
    """The manifest of the cache to be, without shards.

    Raises:
        ConfigError: If there is no folder of records.
        DatasetError: If a split is missing, empty or damaged.
    """
    if run.data.dataset_dir is None:
        raise ConfigError("dataset_dir is not given; a cache needs records.")
    configs = (run.model, run.data, run.train, run.eval, cache)
    settings = {
        f"{part}.{name}": config.to_dict()[name]
        for (part, names), config in zip(_SETTINGS.items(), configs)
        for name in names
    }
    counts = {
        part: pipeline.num_usable(run.dataset, run.data.dataset_dir, split, run.data)
        for part, split in splits(run).items()
    }
    settings["weights_sha256"] = backbone.weights_sha256()
    settings["records"] = _record_sizes(run.data.dataset_dir, splits(run))
    num_views = {"train": counts["train"] * cache.num_views, "val": counts["val"]}
    return Manifest(settings, _with_absolute_paths(run), backbone.channels, num_views)


def with_found(wanted: Manifest, folder: pathlib.Path) -> Manifest:
    """The manifest with those shards that are there and whole.

    Raises:
        CacheError: If the folder holds another cache, or something else.
    """
    if not (folder / FILE_NAME).is_file():
        strange = sorted(p.name for p in folder.iterdir() if p.name[0] != ".")
        if strange:
            raise CacheError(
                f"{folder} is no cache, but holds {strange[:4]}. Give an empty folder, "
                "or one that does not exist."
            )
        return wanted
    found = Manifest.load(folder)
    _check_same(found, wanted, folder)
    whole = {k: v for k, v in found.shards.items() if is_whole(folder, found, k)}
    for name in found.shards.keys() - whole.keys():
        logging.warning("%s/%s is missing or damaged; it is made anew.", folder, name)
    return wanted.with_shards(whole)


def check_space(folder: pathlib.Path, manifest: Manifest) -> None:
    """Checks that the missing shards fit on the disk.

    Raises:
        CacheError: If they do not, with the sizes.
    """
    needed = sum(
        manifest.num_bytes(part, manifest.shard_sizes(part)[name])
        for part, name in manifest.missing()
    )
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise CacheError(
            f"{folder} has {free / 2**30:,.1f} GiB free, but the features need "
            f"{needed / 2**30:,.1f} GiB more. Free some space, or lower --num_views or "
            "--train_crop_size."
        )


def log(manifest: Manifest, folder: pathlib.Path) -> None:
    """Says what is to be written and how large it is."""
    for part in PARTS:
        number, sizes = manifest.num_views[part], manifest.shard_sizes(part)
        there = sum(sizes.get(name, 0) for name in manifest.shards)
        crop = "x".join(map(str, manifest.crop_size(part)))
        maps = "x".join(map(str, manifest.shape(part, "features", 1)[1:]))
        mib = manifest.num_bytes(part, number) / 2**20
        logging.info(
            "%s: %s: %d views of %s pixels, features of %s, %.0f MiB; %d are there.",
            *(folder, part, number, crop, maps, mib, there),
        )


def _check_same(found: Manifest, wanted: Manifest, folder: pathlib.Path) -> None:
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


def _with_absolute_paths(run: RunConfig) -> RunConfig:
    folder, source = str(run.data.dataset_dir), run.train.tf_initial_checkpoint
    data = dataclasses.replace(run.data, dataset_dir=os.path.abspath(folder))
    source = os.path.abspath(source) if source else None
    train = dataclasses.replace(run.train, tf_initial_checkpoint=source)
    return dataclasses.replace(run, data=data, train=train)


def _record_sizes(dataset_dir: str, splits: dict[str, str]) -> dict[str, Any]:
    """Bytes of each file of records, by name: other records are another cache."""
    shards = records.shards_by_split(dataset_dir)
    return {p.name: p.stat().st_size for s in splits.values() for p in shards[s]}
