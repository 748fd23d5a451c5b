"""Cached features, memory-mapped."""

import functools
import pathlib
from collections.abc import Sequence

import numpy as np

from deeplab_dpc.search.cache.manifest import (
    PARTS,
    CacheError,
    Manifest,
    Path,
    file_name,
    sha256,
)
from deeplab_dpc.training.run_folder import RunConfig


class Part:
    """Views of one part of a cache, by number.

    Args:
        folder: The cache's.
        manifest: Its facts.
        name: `train` or `val`.
    """

    def __init__(self, folder: pathlib.Path, manifest: Manifest, name: str):
        self.name = name
        self.crop_size = manifest.crop_size(name)
        self.feature_size = manifest.feature_size(name)
        self._per_shard = manifest.settings["cache.images_per_shard"]
        sizes = manifest.shard_sizes(name)
        self._maps = {
            kind: [
                _open(folder / file_name(s, kind), manifest.shape(name, kind, n))
                for s, n in sizes.items()
            ]
            for kind in ("features", "labels")
        }
        self._num_views = sum(sizes.values())
        self._channels = manifest.channels

    def __len__(self) -> int:
        return self._num_views

    def shape(
        self, num_views: int | None
    ) -> tuple[tuple[int | None, ...], tuple[int | None, ...]]:
        """Shapes of features and labels of so many views."""
        features = (num_views, *self.feature_size, self._channels)
        return features, (num_views, *self.crop_size)

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
    """

    def __init__(self, folder: Path, manifest: Manifest):
        self.folder, self.manifest = pathlib.Path(folder), manifest
        self.train, self.val = (Part(self.folder, manifest, p) for p in PARTS)

    @classmethod
    def open(cls, folder: Path, verify: bool = False) -> "Cache":
        """Opens a finished cache.

        Args:
            folder: What `write_cache` was given.
            verify: Read everything and compare checksums; else sizes alone.

        Raises:
            CacheError: If there is none, or it is incomplete or damaged.
        """
        manifest = Manifest.load(folder)
        missing = [name for _, name in manifest.missing()]
        if missing:
            total = len(missing) + len(manifest.shards)
            raise CacheError(
                f"{folder} is not finished: {len(manifest.shards)} of {total} shards "
                f"are there, the next is {missing[0]}. Run the command that writes it "
                "again; it goes on where it stopped."
            )
        if verify:
            _verify(pathlib.Path(folder), manifest)
        return cls(folder, manifest)

    @functools.cached_property
    def fingerprint(self) -> str:
        """Tells one cache from another: 16 hexadecimal digits."""
        return self.manifest.fingerprint

    @property
    def run(self) -> RunConfig:
        """What it was made with: backbone and weights, records, crops."""
        return self.manifest.run

    def describe(self) -> str:
        """A line for the log: what it holds and how large it is."""
        run = self.run
        views = ", ".join(
            f"{len(part)} {part.name} views of {part.crop_size[0]}x{part.crop_size[1]}"
            for part in (self.train, self.val)
        )
        size = sum(self.manifest.num_bytes(p, len(getattr(self, p))) for p in PARTS)
        return (
            f"{self.folder}: {run.model.model_variant} with the weights of "
            f"{run.train.tf_initial_checkpoint}, {self.channels} channels at stride "
            f"{self.output_stride}; {run.dataset.name}: {views}; "
            f"{size / 2**20:,.0f} MiB; fingerprint {self.fingerprint}."
        )

    @property
    def num_classes(self) -> int:
        """Classes, the ignored label left out unless it is one of them."""
        return self.manifest.run.dataset.num_classes

    @property
    def ignore_label(self) -> int:
        """The label of pixels that count for nothing."""
        return self.manifest.run.dataset.ignore_label

    @property
    def channels(self) -> int:
        """Channels of the features."""
        return self.manifest.channels

    @property
    def output_stride(self) -> int:
        """Pixels of the image for one of the feature map."""
        return self.manifest.settings["model.output_stride"]


def _open(path: pathlib.Path, shape: tuple[int, ...]) -> np.ndarray:
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


def _verify(folder: pathlib.Path, manifest: Manifest) -> None:
    bad = [name for name in manifest.shards if not is_whole(folder, manifest, name)]
    if bad:
        raise CacheError(
            f"{folder}: {len(bad)} of {len(manifest.shards)} shards are missing or "
            f"differ from their checksums: {', '.join(bad[:4])}. Run the command that "
            "writes the cache again; it makes them anew."
        )


def is_whole(folder: pathlib.Path, manifest: Manifest, shard: str) -> bool:
    """Whether a shard's two files are there as they were written."""
    known = manifest.shards[shard]
    expected = {"features": known.features_sha256, "labels": known.labels_sha256}
    paths = {kind: folder / file_name(shard, kind) for kind in expected}
    return all(p.is_file() for p in paths.values()) and all(
        sha256(paths[kind]) == value for kind, value in expected.items()
    )
