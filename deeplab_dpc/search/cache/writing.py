"""Computes features and writes them, shard by shard, where the last run stopped."""

import contextlib
import fcntl
import os
import pathlib
from collections.abc import Iterator

import numpy as np

from deeplab_dpc.progress import Progress
from deeplab_dpc.search.cache import plan
from deeplab_dpc.search.cache.backbone import Backbone
from deeplab_dpc.search.cache.manifest import (
    PARTS,
    CacheError,
    Manifest,
    Path,
    Shard,
    file_name,
    sha256,
)
from deeplab_dpc.search.cache.reading import Cache
from deeplab_dpc.search.cache.views import Views
from deeplab_dpc.search.config import CacheConfig
from deeplab_dpc.training.run_folder import RunConfig

_KINDS = {"features": np.float16, "labels": np.uint8}


def write_cache(folder: Path, run: RunConfig, cache: CacheConfig) -> Cache:
    """Runs the backbone over the training views and the validation images.

    A folder that holds some of the shards is gone on with: those whose checksums are
    right stay as they are. Killed at any moment, it loses the shard at work.

    View `v` of a training image is the one that training shows in epoch `v`, a
    function of the seed. Validation images are whole and padded to the crop size.

    Args:
        folder: Where to write; made if need be.
        run: Backbone and weights, records, splits, crops.
        cache: Number of views, size of a shard.

    Returns:
        The finished cache, opened.

    Raises:
        CacheError: If the folder holds a cache of other settings, another process is
            writing it, it has too little space, or an image does not fit its crop.
        DatasetError: If records are missing or damaged.
        WeightsError: If the checkpoint does not fit.
    """
    path = pathlib.Path(folder)
    backbone = Backbone(run.model, run.train)
    wanted = plan.wanted(run, cache, backbone)
    path.mkdir(parents=True, exist_ok=True)
    with _locked(path):
        manifest = plan.with_found(wanted, path)
        plan.check_space(path, manifest)
        plan.log(manifest, path)
        if list(manifest.missing()):
            manifest.save(path)
            _write_missing(path, manifest, run, backbone)
    return Cache.open(path)


def _write_missing(
    folder: pathlib.Path, manifest: Manifest, run: RunConfig, backbone: Backbone
) -> None:
    missing = set(manifest.missing())
    sizes = {part: manifest.shard_sizes(part) for part in PARTS}
    progress = Progress(sum(sizes[part][name] for part, name in missing))
    for part in PARTS:
        views: Views | None = None
        for index, (name, count) in enumerate(sizes[part].items()):
            if (part, name) not in missing:
                views = None
                continue
            views = views or Views(part, run, manifest, index)
            shard = _Writer(folder, manifest, part, name, count)
            shard.fill(views, backbone, progress)
            manifest = manifest.with_shards({**manifest.shards, name: shard.finish()})
            manifest.save(folder)
    progress.close()


class _Writer:
    """A shard's two files, under temporary names until they are whole."""

    def __init__(
        self,
        folder: pathlib.Path,
        manifest: Manifest,
        part: str,
        name: str,
        num_views: int,
    ):
        self._folder, self._name, self._num_views = folder, name, num_views
        self._arrays = {
            kind: np.lib.format.open_memmap(
                self._temporary(kind),
                mode="w+",
                dtype=dtype,
                shape=manifest.shape(part, kind, num_views),
            )
            for kind, dtype in _KINDS.items()
        }

    def fill(self, views: Views, backbone: Backbone, progress: Progress) -> None:
        """Computes the shard's views."""
        done = 0
        while done < self._num_views:
            images, labels = views.next()
            count = min(len(labels), self._num_views - done)
            rows = slice(done, done + count)
            self._arrays["features"][rows] = backbone(images)[:count]
            self._arrays["labels"][rows] = labels[:count]
            done += count
            progress.advance(count)

    def finish(self) -> Shard:
        """Gives the files their names, once they are on the disk."""
        sums = {}
        for kind, array in self._arrays.items():
            array.flush()
            path = self._temporary(kind)
            sums[kind] = sha256(path)
            os.replace(path, self._folder / file_name(self._name, kind))
        self._arrays = {}
        return Shard(self._num_views, sums["features"], sums["labels"])

    def _temporary(self, kind: str) -> pathlib.Path:
        return self._folder / f".{file_name(self._name, kind)}.tmp"


@contextlib.contextmanager
def _locked(folder: pathlib.Path) -> Iterator[None]:
    """Keeps others from writing into the folder; the kernel frees it if we die."""
    with open(folder / ".lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            raise CacheError(
                f"Another process is writing {folder}. Wait for it, or give another "
                "folder."
            ) from e
        yield
