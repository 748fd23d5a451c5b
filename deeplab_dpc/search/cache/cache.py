"""A folder of cached features: its `manifest.json`, its shards, memory-mapped."""

import dataclasses
import hashlib
import json
import math
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from deeplab_dpc import files
from deeplab_dpc.checksums import sha256
from deeplab_dpc.formatting import as_flag, clipped, count
from deeplab_dpc.layers.cell import feature_map_size
from deeplab_dpc.search.cache.shards import (
    AGAIN,
    CacheError,
    check_content,
    check_size,
    opened,
)
from deeplab_dpc.search.context_modules import untrained_rates
from deeplab_dpc.settings import check_types
from deeplab_dpc.training.run_folder import RunConfig

FILE_NAME = "manifest.json"
FORMAT = 1
TRAIN, VAL = SPLITS = ("train", "val")
KINDS = {"features": np.float16, "labels": np.uint8}  # The two files of a shard.

Path = str | os.PathLike[str]
Checksum = tuple[pathlib.Path, str]  # Of a file.


@dataclasses.dataclass(frozen=True)
class CachedShard:
    """Two files of a cache: features and labels of `num_views` views; checksums."""

    num_views: int
    features_sha256: str
    labels_sha256: str


@dataclasses.dataclass(frozen=True)
class CacheManifest:
    """A cache's facts."""

    settings: Mapping[str, Any]  # All that the features follow from, by name.
    run: RunConfig  # Backbone and weights, records and crops, paths absolute.
    channels: int  # Of the features.
    num_views: Mapping[str, int]  # Views of each split.
    # Those that are finished, by name such as `train-00000-of-00006`.
    shards: Mapping[str, CachedShard] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        check_types(self)

    @property
    def fingerprint(self) -> str:
        """Of the settings and all features: 16 hexadecimal digits."""
        text = json.dumps([self.settings, self._shards()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def crop_size(self, split: str) -> tuple[int, int]:
        """Height and width of a split's labels, in pixels of the image."""
        kind = "train" if split == "train" else "eval"
        return tuple(self.settings[f"{kind}.{kind}_crop_size"])

    def feature_size(self, split: str) -> tuple[int, int]:
        """Height and width of a split's feature maps."""
        stride = self.settings["model.output_stride"]
        return feature_map_size(self.crop_size(split), stride)

    def shard_sizes(self, split: str) -> dict[str, int]:
        """Views of each shard of a split, finished or not, by name."""
        total, most = self.num_views[split], self.settings["cache.images_per_shard"]
        count = -(-total // most)
        if not 0 <= count <= 99_999:
            raise ValueError(f"num_views={total:.6g} are no shards of {most:.6g}")
        return {
            f"{split}-{i:05d}-of-{count:05d}": min(most, total - i * most)
            for i in range(count)
        }

    @property
    def pooling_size(self) -> tuple[int, int] | None:
        """Of `image_pooling_crop_size`, in pixels of the feature maps."""
        crop = self.settings["model.image_pooling_crop_size"]
        return crop and feature_map_size(crop, self.settings["model.output_stride"])

    def shape(self, split: str, kind: str, num_views: Any) -> tuple[Any, ...]:
        """Shape of `features` or `labels` of so many views; None: of any number."""
        if kind == "labels":
            return (num_views, *self.crop_size(split))
        return (num_views, *self.feature_size(split), self.channels)

    def num_bytes(self, split: str, num_views: int) -> int:
        """Size of so many views in both files."""
        return sum(
            math.prod(self.shape(split, kind, num_views)) * np.dtype(dtype).itemsize
            for kind, dtype in KINDS.items()
        )

    def missing(self) -> dict[str, tuple[str, int]]:
        """Split and number of views of each shard that is not finished, by name."""
        return {
            name: (split, size)
            for split in self.num_views
            for name, size in self.shard_sizes(split).items()
            if name not in self.shards
        }

    def checksums(self, folder: Path, shard: str) -> dict[str, Checksum]:
        """The path and the checksum of a finished shard's file of each kind."""
        found = dataclasses.asdict(self.shards[shard])
        paths = {k: pathlib.Path(folder, file_name(shard, k)) for k in KINDS}
        return {k: (path, found[f"{k}_sha256"]) for k, path in paths.items()}

    def is_whole(self, folder: Path, shard: str) -> bool:
        """Whether a finished shard's files are there as they were written."""
        pairs = self.checksums(folder, shard).values()
        return all(path.is_file() and sha256(path) == digest for path, digest in pairs)

    def save(self, folder: Path) -> None:
        """Writes `manifest.json`, whole or not at all."""
        values = {"format": FORMAT, **vars(self), "run": self.run.to_dict()}
        values["shards"] = self._shards()
        files.write_json(pathlib.Path(folder) / FILE_NAME, values)

    def _checked(self) -> Self:
        """Itself; an error of any kind for a setting that lacks or is of no use."""
        if not {VAL} <= set(self.num_views) <= set(SPLITS):
            raise ValueError("its splits are not train and val, or val")
        for split, number in self.num_views.items():
            self.num_bytes(split, number)
        self.missing(), self.pooling_size, self.settings["model.use_bounded_activation"]
        return self

    def _shards(self) -> dict[str, Any]:
        return {k: dataclasses.asdict(v) for k, v in sorted(self.shards.items())}

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads what `save` wrote; `CacheError` if there is none, or it is broken."""
        path = pathlib.Path(folder) / FILE_NAME
        if not path.is_file():
            raise CacheError(
                f"{folder} holds no cached features: there is no {FILE_NAME}. Write "
                f"them with: python search.py cache {as_flag('cache_dir', folder)} "
                "--dataset_dir=..."
            )
        advice = "Write the cache again into another folder."
        with files.readable(path, CacheError, advice):
            values = files.read_json(path)
            found = clipped(repr(values.pop("format")))
            if found == repr(FORMAT):
                shards = {k: CachedShard(**v) for k, v in values["shards"].items()}
                run = RunConfig.from_dict(values["run"])
                return cls(**{**values, "run": run, "shards": shards})._checked()
        raise CacheError(
            f"{path} has the format {found}; this program knows {FORMAT}. {advice}"
        )


def file_name(shard: str, kind: str) -> str:
    """The file of a shard's `features` or `labels`."""
    return f"{shard}-{kind}.npy"


class CachedSplit:
    """Views of one split of a cache, by number; a shard is checked when first read."""

    def __init__(
        self, folder: pathlib.Path, manifest: CacheManifest, name: str, check: bool
    ):
        self.crop_size = manifest.crop_size(name)  # Height and width of the labels.
        self.feature_size = manifest.feature_size(name)
        self._name, self._manifest = name, manifest
        self._maps: dict[tuple[str, int], np.memmap] = {}  # By kind, number of shard.
        self._unchecked: dict[tuple[str, int], Checksum] = {}
        for i, (shard, num_views) in enumerate(manifest.shard_sizes(name).items()):
            for kind, known in manifest.checksums(folder, shard).items():
                shape = manifest.shape(name, kind, num_views)
                self._maps[kind, i] = opened(known[0], shape, KINDS[kind])
                if check:
                    self._unchecked[kind, i] = known

    def __len__(self) -> int:
        return self._manifest.num_views[self._name]

    def shape(self, num_views: int | None) -> tuple[tuple[int | None, ...], ...]:
        """Shapes of features and labels of so many views."""
        return tuple(self._manifest.shape(self._name, k, num_views) for k in KINDS)

    def features(self, numbers: Sequence[int] | np.ndarray) -> np.ndarray:
        """Feature maps of these views: float16 `[n, height, width, channels]`."""
        return self._read("features", numbers)

    def labels(self, numbers: Sequence[int] | np.ndarray) -> np.ndarray:
        """Labels of these views: uint8 `[n, height, width]` at the crop's size."""
        return self._read("labels", numbers)

    def _read(self, kind: str, numbers: Sequence[int] | np.ndarray) -> np.ndarray:
        per_shard = self._manifest.settings["cache.images_per_shard"]
        places = [divmod(int(number), per_shard) for number in numbers]
        for key in {(kind, shard) for shard, _ in places} & self._unchecked.keys():
            path, digest = self._unchecked[key]
            if sha256(path) != digest:
                wrong = "differs from its checksum: it was changed or damaged"
                raise CacheError(f"{path} {wrong}. {AGAIN}")
            check_content(self._maps[key], self._manifest.run.dataset)
            del self._unchecked[key]
        maps = {shard: self._maps[kind, shard] for shard, _ in places}
        for found in maps.values():
            check_size(found)
        return np.stack([maps[shard][row] for shard, row in places])


class Cache:
    """The features of a backbone on random training views (`train`) and on whole
    validation images (`val`), padded at the bottom and the right. Where there are
    validation images alone, `train` is them, too.
    """

    def __init__(self, folder: Path, manifest: CacheManifest, check: bool = True):
        self.folder, self.manifest = pathlib.Path(folder), manifest
        self.val = self.train = CachedSplit(self.folder, manifest, VAL, check)
        if TRAIN in manifest.num_views:
            self.train = CachedSplit(self.folder, manifest, TRAIN, check)
        self.run = manifest.run  # What made it: backbone and weights, records, crops.
        self.fingerprint = manifest.fingerprint  # Tells one cache from another.
        # The ignored label left out unless it is one of the classes.
        self.num_classes = self.run.dataset.num_classes
        self.ignore_label = self.run.dataset.ignore_label  # Pixels that do not count.
        self.channels = manifest.channels  # Of the features.
        # Pixels of the image for one of the feature map.
        self.output_stride: int = manifest.settings["model.output_stride"]

    @classmethod
    def open(cls, folder: Path, verify: bool = False, check: bool = True) -> Self:
        """Opens a finished cache, after comparing sizes, and checksums if it is to
        `verify`; those of a shard when it is first read unless it is not to `check`.
        `CacheError` if there is none, or it is incomplete or damaged.
        """
        manifest = CacheManifest.load(folder)
        names, missing = manifest.shards, list(manifest.missing())
        if missing:
            raise CacheError(
                f"{folder} is not finished: it has {len(names)} of "
                f"{count(len(missing) + len(names), 'shard')}, the next is "
                f"{missing[0]}. Run the command that writes it again; it goes on where "
                "it stopped."
            )
        bad = [n for n in names if verify and not manifest.is_whole(folder, n)]
        if bad:
            raise CacheError(
                f"{folder}: missing or not as their checksums say: {len(bad)} of "
                f"{count(len(names), 'shard')}, such as {', '.join(bad[:4])}. {AGAIN}"
            )
        return cls(folder, manifest, check)

    @property
    def features(self) -> dict[str, Any]:
        """What `module_costs` takes beside the cell, for a validation image."""
        size, map_size = self.val.feature_size, self.manifest.pooling_size
        return {"channels": self.channels, "size": size, "map_size": map_size}

    def describe(self) -> str:
        """A line for the log: what it holds and how large it is."""
        run, manifest = self.run, self.manifest
        views = ", ".join(
            "{} {} views of {}x{}".format(n, split, *manifest.crop_size(split))
            for split, n in manifest.num_views.items()
        )
        size = sum(manifest.num_bytes(*split) for split in manifest.num_views.items())
        return (
            f"{self.folder}: {run.model.model_variant} with the weights of "
            f"{run.train.tf_initial_checkpoint}, {self.channels} channels at stride "
            f"{self.output_stride}; {run.dataset.name}: {views}; "
            f"{size / 2**20:,.0f} MiB; fingerprint {self.fingerprint}."
            + untrained_rates(self.train.feature_size, self.output_stride)
        )
