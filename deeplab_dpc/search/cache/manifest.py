"""What a folder of cached features holds; its `manifest.json` keeps it."""

import dataclasses
import hashlib
import json
import math
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any, Self

from deeplab_dpc import files
from deeplab_dpc.training.run_folder import RunConfig

FILE_NAME = "manifest.json"
FORMAT = 1
PARTS = ("train", "val")

Path = str | os.PathLike[str]


class CacheError(ValueError):
    """A cache that is missing, incomplete, damaged, or not what was asked for."""


@dataclasses.dataclass(frozen=True)
class Shard:
    """Two files of a cache: features and labels of some views.

    Attributes:
        num_views: Views in each.
        features_sha256: Checksum of the features' file.
        labels_sha256: Of the labels' file.
    """

    num_views: int
    features_sha256: str
    labels_sha256: str


@dataclasses.dataclass(frozen=True)
class Manifest:
    """A cache's facts.

    Attributes:
        settings: All that the features follow from, by name: another value of any
            would give others.
        run: Backbone and weights, records and crops, paths absolute.
        channels: Of the features.
        num_views: Views of each part.
        shards: Those that are finished, by name such as `train-00000-of-00006`.
    """

    settings: Mapping[str, Any]
    run: RunConfig
    channels: int
    num_views: Mapping[str, int]
    shards: Mapping[str, Shard] = dataclasses.field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Of the settings and all features: 16 hexadecimal digits."""
        shards = {k: dataclasses.asdict(v) for k, v in sorted(self.shards.items())}
        text = json.dumps([self.settings, shards], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def crop_size(self, part: str) -> tuple[int, int]:
        """Height and width of a part's labels, in pixels of the image."""
        name = {"train": "train.train_crop_size", "val": "eval.eval_crop_size"}[part]
        height, width = self.settings[name]
        return height, width

    def feature_size(self, part: str) -> tuple[int, int]:
        """Height and width of a part's feature maps."""
        stride = self.settings["model.output_stride"]
        height, width = ((side - 1) // stride + 1 for side in self.crop_size(part))
        return height, width

    def shard_sizes(self, part: str) -> dict[str, int]:
        """Views of each shard of a part, finished or not, by name."""
        total, most = self.num_views[part], self.settings["cache.images_per_shard"]
        count = -(-total // most)
        return {
            f"{part}-{i:05d}-of-{count:05d}": min(most, total - i * most)
            for i in range(count)
        }

    def shape(self, part: str, kind: str, num_views: int) -> tuple[int, ...]:
        """Shape of a file of so many views; `kind` is `features` or `labels`."""
        if kind == "labels":
            return (num_views, *self.crop_size(part))
        return (num_views, *self.feature_size(part), self.channels)

    def num_bytes(self, part: str, num_views: int) -> int:
        """Size of so many views: float16 features and a byte for each label."""
        features = math.prod(self.shape(part, "features", num_views))
        return 2 * features + math.prod(self.shape(part, "labels", num_views))

    def missing(self) -> Iterator[tuple[str, str]]:
        """Part and name of each shard that is not finished."""
        for part in PARTS:
            for name in self.shard_sizes(part):
                if name not in self.shards:
                    yield part, name

    def with_shards(self, shards: Mapping[str, Shard]) -> Self:
        """The same cache with these shards."""
        return dataclasses.replace(self, shards=dict(sorted(shards.items())))

    def save(self, folder: pathlib.Path) -> None:
        """Writes `manifest.json`, whole or not at all."""
        shards = {k: dataclasses.asdict(v) for k, v in self.shards.items()}
        values = {
            "format": FORMAT,
            "settings": dict(self.settings),
            "run": self.run.to_dict(),
            "channels": self.channels,
            "num_views": dict(self.num_views),
            "shards": shards,
        }
        files.write_json(folder / FILE_NAME, values)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads what `save` wrote.

        Raises:
            CacheError: If there is none, or it is broken.
        """
        path = pathlib.Path(folder) / FILE_NAME
        if not path.is_file():
            raise CacheError(
                f"{folder} holds no cached features: there is no {FILE_NAME}. Write "
                f"them with: python search.py cache --cache_dir={folder} "
                "--dataset_dir=..."
            )
        try:
            values = json.loads(path.read_text())
            found = values["format"]
            if found == FORMAT:
                shards = {k: Shard(**v) for k, v in values["shards"].items()}
                return cls(
                    values["settings"],
                    RunConfig.from_dict(values["run"]),
                    values["channels"],
                    values["num_views"],
                    shards,
                )
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
