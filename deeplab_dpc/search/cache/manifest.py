"""What a folder of cached features holds; its `manifest.json` keeps it."""

import dataclasses
import hashlib
import json
import math
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np

from deeplab_dpc import files
from deeplab_dpc.training.run_folder import RunConfig

FILE_NAME = "manifest.json"
FORMAT = 1
SPLITS = ("train", "val")
KINDS = {"features": np.float16, "labels": np.uint8}
"""The two files of a shard."""

Path = str | os.PathLike[str]


class CacheError(ValueError):
    """A cache that is missing, incomplete, damaged, or not what was asked for."""


@dataclasses.dataclass(frozen=True)
class CachedShard:
    """Two files of a cache: features and labels of `num_views` views; checksums."""

    num_views: int
    features_sha256: str
    labels_sha256: str


@dataclasses.dataclass(frozen=True)
class CacheManifest:
    """A cache's facts."""

    # All that the features follow from, by name: another value of any would give
    # others.
    settings: Mapping[str, Any]
    run: RunConfig  # Backbone and weights, records and crops, paths absolute.
    channels: int  # Of the features.
    num_views: Mapping[str, int]  # Views of each split.
    # Those that are finished, by name such as `train-00000-of-00006`.
    shards: Mapping[str, CachedShard] = dataclasses.field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Of the settings and all features: 16 hexadecimal digits."""
        text = json.dumps([self.settings, self._shards()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def crop_size(self, split: str) -> tuple[int, int]:
        """Height and width of a split's labels, in pixels of the image."""
        name = {"train": "train.train_crop_size", "val": "eval.eval_crop_size"}[split]
        height, width = self.settings[name]
        return height, width

    def feature_size(self, split: str) -> tuple[int, int]:
        """Height and width of a split's feature maps."""
        stride = self.settings["model.output_stride"]
        height, width = ((side - 1) // stride + 1 for side in self.crop_size(split))
        return height, width

    def shard_sizes(self, split: str) -> dict[str, int]:
        """Views of each shard of a split, finished or not, by name."""
        total, most = self.num_views[split], self.settings["cache.images_per_shard"]
        count = -(-total // most)
        return {
            f"{split}-{i:05d}-of-{count:05d}": min(most, total - i * most)
            for i in range(count)
        }

    def shape(self, split: str, kind: str, num_views: Any) -> tuple[Any, ...]:
        """Shape of `features` or `labels` of so many views; None: of any number."""
        if kind == "labels":
            return (num_views, *self.crop_size(split))
        return (num_views, *self.feature_size(split), self.channels)

    def num_bytes(self, split: str, num_views: int) -> int:
        """Size of so many views in both files."""
        sizes = {kind: np.dtype(dtype).itemsize for kind, dtype in KINDS.items()}
        return sum(
            size * math.prod(self.shape(split, kind, num_views))
            for kind, size in sizes.items()
        )

    def missing(self) -> Iterator[tuple[str, str]]:
        """Split and name of each shard that is not finished."""
        for split in SPLITS:
            for name in self.shard_sizes(split):
                if name not in self.shards:
                    yield split, name

    def is_whole(self, folder: Path, shard: str) -> bool:
        """Whether a finished shard's files are there as they were written."""
        for kind in KINDS:
            path = pathlib.Path(folder) / file_name(shard, kind)
            known = getattr(self.shards[shard], f"{kind}_sha256")
            if not path.is_file() or sha256(path) != known:
                return False
        return True

    def save(self, folder: Path) -> None:
        """Writes `manifest.json`, whole or not at all."""
        values = {"format": FORMAT, **vars(self), "run": self.run.to_dict()}
        values["shards"] = self._shards()
        files.write_json(pathlib.Path(folder) / FILE_NAME, values)

    def _shards(self) -> dict[str, Any]:
        return {k: dataclasses.asdict(v) for k, v in sorted(self.shards.items())}

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads what `save` wrote; `CacheError` if there is none, or it is broken."""
        path = pathlib.Path(folder) / FILE_NAME
        if not path.is_file():
            raise CacheError(
                f"{folder} holds no cached features: there is no {FILE_NAME}. Write "
                f"them with: python search.py cache --cache_dir={folder} "
                "--dataset_dir=..."
            )
        try:
            values = files.read_json(path)
            found = values.pop("format")
            if found == FORMAT:
                shards = {k: CachedShard(**v) for k, v in values["shards"].items()}
                run = RunConfig.from_dict(values["run"])
                return cls(**{**values, "run": run, "shards": shards})
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            raise CacheError(
                f"{path} cannot be read: {e!r}. Write the cache again into another "
                "folder."
            ) from e
        raise CacheError(
            f"{path} has the format {found}; this program knows {FORMAT}. Write the "
            "cache again into another folder."
        )


def file_name(shard: str, kind: str) -> str:
    """The file of a shard's `features` or `labels`."""
    return f"{shard}-{kind}.npy"


def sha256(path: pathlib.Path) -> str:
    """Checksum of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
