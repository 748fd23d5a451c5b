"""Cached features, memory-mapped."""

import pathlib
from collections.abc import Sequence
from typing import Self

import numpy as np

from deeplab_dpc.search.cache.manifest import (
    KINDS,
    SPLITS,
    CacheError,
    CacheManifest,
    Path,
    file_name,
)


class CachedSplit:
    """Views of one split of a cache, by number.

    Attributes:
        crop_size: Height and width of the labels.
        feature_size: Of the features.
    """

    def __init__(self, folder: pathlib.Path, manifest: CacheManifest, name: str):
        self.crop_size = manifest.crop_size(name)
        self.feature_size = manifest.feature_size(name)
        self._name, self._manifest = name, manifest
        self._per_shard = manifest.settings["cache.images_per_shard"]
        self._maps = {
            kind: [
                _opened(folder / file_name(shard, kind), manifest.shape(name, kind, n))
                for shard, n in manifest.shard_sizes(name).items()
            ]
            for kind in KINDS
        }

    def __len__(self) -> int:
        return self._manifest.num_views[self._name]

    def shape(
        self, num_views: int | None
    ) -> tuple[tuple[int | None, ...], tuple[int | None, ...]]:
        """Shapes of features and labels of so many views."""
        features, labels = (
            self._manifest.shape(self._name, kind, num_views) for kind in KINDS
        )
        return features, labels

    def features(self, numbers: Sequence[int] | np.ndarray) -> np.ndarray:
        """Feature maps of these views: float16 `[n, height, width, channels]`."""
        return self._read("features", numbers)

    def labels(self, numbers: Sequence[int] | np.ndarray) -> np.ndarray:
        """Labels of these views: uint8 `[n, height, width]` at the crop's size."""
        return self._read("labels", numbers)

    def _read(self, kind: str, numbers: Sequence[int] | np.ndarray) -> np.ndarray:
        maps = self._maps[kind]
        rows = (divmod(int(n), self._per_shard) for n in numbers)
        return np.stack([maps[shard][row] for shard, row in rows])


class Cache:
    """The features of a backbone on random training views and whole validation images.

    Attributes:
        folder: Where it lies.
        manifest: Its facts.
        train: Random views of the training images.
        val: The validation images, padded at the bottom and the right.
        run: What it was made with: backbone and weights, records, crops.
        fingerprint: Tells one cache from another: 16 hexadecimal digits.
        num_classes: The ignored label left out unless it is one of them.
        ignore_label: The label of pixels that count for nothing.
        channels: Of the features.
        output_stride: Pixels of the image for one of the feature map.
    """

    def __init__(self, folder: Path, manifest: CacheManifest):
        self.folder, self.manifest = pathlib.Path(folder), manifest
        self.train, self.val = (CachedSplit(self.folder, manifest, s) for s in SPLITS)
        self.run, self.fingerprint = manifest.run, manifest.fingerprint
        self.num_classes = self.run.dataset.num_classes
        self.ignore_label = self.run.dataset.ignore_label
        self.channels = manifest.channels
        self.output_stride: int = manifest.settings["model.output_stride"]

    @classmethod
    def open(cls, folder: Path, verify: bool = False) -> Self:
        """Opens a finished cache, after comparing sizes, and checksums if it is to
        `verify`. `CacheError` if there is none, or it is incomplete or damaged.
        """
        manifest = CacheManifest.load(folder)
        names, missing = manifest.shards, [name for _, name in manifest.missing()]
        if missing:
            total = len(missing) + len(names)
            raise CacheError(
                f"{folder} is not finished: {len(names)} of {total} shards are there, "
                f"the next is {missing[0]}. Run the command that writes it again; it "
                "goes on where it stopped."
            )
        bad = [n for n in names if verify and not manifest.is_whole(folder, n)]
        if bad:
            raise CacheError(
                f"{folder}: {len(bad)} of {len(names)} shards are missing or differ "
                f"from their checksums: {', '.join(bad[:4])}. Run the command that "
                "writes the cache again; it makes them anew."
            )
        return cls(folder, manifest)

    def describe(self) -> str:
        """A line for the log: what it holds and how large it is."""
        run, splits = self.run, {"train": self.train, "val": self.val}
        views = ", ".join(
            f"{len(split)} {name} views of {split.crop_size[0]}x{split.crop_size[1]}"
            for name, split in splits.items()
        )
        size = sum(self.manifest.num_bytes(k, len(v)) for k, v in splits.items())
        return (
            f"{self.folder}: {run.model.model_variant} with the weights of "
            f"{run.train.tf_initial_checkpoint}, {self.channels} channels at stride "
            f"{self.output_stride}; {run.dataset.name}: {views}; "
            f"{size / 2**20:,.0f} MiB; fingerprint {self.fingerprint}."
        )


def _opened(path: pathlib.Path, shape: tuple[int, ...]) -> np.ndarray:
    try:
        found = np.load(path, mmap_mode="r")
    except (OSError, ValueError) as e:
        raise CacheError(
            f"{path} cannot be read: {e}. Run the command that writes the cache again; "
            "it makes what is missing."
        ) from e
    if found.shape != shape:
        raise CacheError(
            f"{path} has the shape {found.shape} instead of {shape}. Run the command "
            "that writes the cache again; it makes anew what is damaged."
        )
    return found
