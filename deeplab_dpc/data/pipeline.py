"""Batches: for training a pure function of seed and step, for evaluation in order."""

import contextlib
import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf
from absl import logging

from deeplab_dpc.config import ConfigError, DataConfig, TrainConfig
from deeplab_dpc.data import augment, preprocess, records, verify
from deeplab_dpc.data.dataset_info import (
    FILE_NAME,
    DatasetError,
    DatasetInfo,
    load_file,
)
from deeplab_dpc.data.manifest import Manifest
from deeplab_dpc.formatting import clipped, count

_RECORD_ERRORS = (tf.errors.InvalidArgumentError, tf.errors.DataLossError)
_MOST_SHOWN = 5  # Bad records that a message names.
_as_written = tf.autograph.experimental.do_not_convert  # Rewriting it takes a second.


@dataclasses.dataclass(frozen=True)
class Split:
    """A split of a data set, or a part of one, and how its records are read."""

    info: DatasetInfo
    folder: str | os.PathLike[str]  # Where the data set's records lie.
    name: str
    # How images are resized before all else, and whether bad records are skipped.
    data: DataConfig = DataConfig()

    def size(self) -> int:
        """Number of images; `DatasetError` if the split is unknown, empty, or lacks a
        file.
        """
        self.shards()
        return len(self.info.part(self.name)[1])

    def shards(self) -> list[pathlib.Path]:
        """The files, of which there is at least one; raises as `size` does."""
        folder, info = pathlib.Path(self.folder), self.info
        if not folder.is_dir():
            raise DatasetError(f"The data set's folder {folder} is not a folder.")
        shards = records.shards_by_split(folder)
        legal = [s for s in info.split_sizes if info.split_sizes[s] and s in shards]
        name, part = info.part(self.name)
        if name not in legal or not part:
            raise DatasetError(
                f"Data set {info.name!r} in {folder} has no images of split "
                f"{clipped(repr(self.name), 200)}; splits with images there: "
                f"{', '.join(legal) or 'none'} (a part of one: val[:50%], val[100:])."
            )
        return shards[name]

    def check_labels(self) -> None:
        """`DatasetError` if no pixel of the split has a class, by the counts in
        `dataset.json`, where there are some; or as `size` does.
        """
        self.shards()
        counted = _noted(self.folder, self.info).statistics
        figures = counted.get(self.info.part(self.name)[0])
        if figures is None or any(figures.class_pixels):
            return
        why = f"{count(figures.num_images, 'image')} without labels"
        if figures.num_labelled:
            labels = count(figures.num_labelled, "label")
            why = f"all pixels of {labels} are ignored ({self.info.ignore_label})"
        legal = [split for split, f in counted.items() if any(f.class_pixels)]
        raise DatasetError(
            f"No pixel of split {self.name!r} in {self.folder} has a class: {why}. "
            f"Splits with classes there: {', '.join(legal) or 'none'}. Name one of "
            "these, or put the labels right and convert the data set again."
        )

    def index(self) -> records.RecordIndex:
        """Where the records lie; without the bad ones if these are skipped.
        `DatasetError` if the split is unknown, empty, or damaged.
        """
        paths, (name, _) = self.shards(), self.info.part(self.name)
        expected = self.info.split_sizes[name]
        if self.data.skip_bad_records:
            index = _usable(self.info, paths, name, expected)
            return index.select(self.info.part(self.name, len(index))[1])
        index = records.index_records(paths)
        if len(index) != expected:
            raise DatasetError(
                f"{self.folder}: split {self.name!r} has "
                f"{count(len(index), 'record')}, but {FILE_NAME} counts "
                f"{expected}{_files_that_differ(index, self.info)}. Copy the files "
                "again, convert the data set again, or use what is there with "
                "--skip_bad_records."
            )
        return index.select(self.info.part(self.name, expected)[1])

    @contextlib.contextmanager
    def record_errors(self) -> Iterator[None]:
        """Turns what a stream of records raises into a `DatasetError` that says which.
        A record that cannot even be decoded does not know its name: then the split is
        searched for it.
        """
        try:
            yield
        except (*_RECORD_ERRORS, UnicodeDecodeError) as e:
            found = verify.record_error(e) if isinstance(e, _RECORD_ERRORS) else None
            if found is None:
                logging.error("A record cannot be decoded; looking for it.")
                bad = verify.find_bad_records(self.info, self.shards())
                if not bad:
                    raise
                found = DatasetError(
                    f"{records.UNUSABLE} {bad[0]}. {len(bad)} of split {self.name!r} "
                    "are bad. Convert the data set again, or pass --skip_bad_records."
                )
            raise found from e


def training_batches(
    split: Split,
    train: TrainConfig,
    first_step: int = 0,
    share: tuple[int, int] = (0, 1),
    parts: int = 1,
) -> tf.data.Dataset:
    """An endless stream of random views, the batch of each step given by seed and step.

    Batches of `image` float32 `[batch, height, width, 3]` in 0..255, `label` int32
    `[batch, height, width]`, `name` string `[batch]`. Every epoch shows each record
    once, in an order drawn from `(seed, epoch)` over the whole split; batches run on
    over the ends of epochs. Beginning at `first_step` reads nothing of what comes
    before it: records are found by their place in the files.

    With a share `(i, n)` worker i of n gets the i-th part of each step's batch, in
    `parts` batches, one for each of its replicas: together they read what one alone
    would. Raises `DatasetError` if the split is unknown, empty, or damaged (a bad
    record stops the stream with an error that `record_errors` makes readable),
    `ConfigError` if the batch cannot be shared by so many.
    """
    index = split.index()
    if not len(index):
        raise DatasetError(f"{split.folder}: split {split.name!r} is empty.")
    worker, num_workers = share
    batch_size, rest = divmod(train.train_batch_size, num_workers)
    if rest or batch_size % parts:
        raise ConfigError(
            f"train_batch_size={train.train_batch_size} cannot be shared by "
            f"{count(num_workers, 'worker')} of {count(parts, 'replica')}; choose a "
            f"multiple of {num_workers * parts}."
        )
    read = functools.partial(_read_in_random_order, index, train.seed)
    random_view = augment.RandomView(train, split.data, split.info.ignore_label)

    @_as_written
    def view(number: tf.Tensor) -> dict[str, tf.Tensor]:
        step, place = number // batch_size, number % batch_size
        position = step * train.train_batch_size + worker * batch_size + place
        image, label, name = _decoded(position, read, split.info)
        seed = tf.stack([tf.constant(train.seed, tf.int64), position])
        image, label = random_view(image, label, seed)
        return {"image": image, "label": label[..., 0], "name": name}

    numbers = tf.data.Dataset.range(first_step * batch_size, np.iinfo(np.int64).max)
    views = numbers.map(view, tf.data.AUTOTUNE, deterministic=True)
    batches = views.batch(batch_size // parts, drop_remainder=True)
    return batches.prefetch(tf.data.AUTOTUNE)


def evaluation_batches(
    split: Split, batch_size: int, crop_size: tuple[int, int]
) -> tf.data.Dataset:
    """All images of a split once, in the order of the files; the last batch may be
    smaller.

    Batches of `image` float32 `[batch, height, width, 3]` in 0..255, padded at the
    bottom and the right with 127.5 to the crop size and to the batch's largest image;
    `label` int32 `[batch, height, width]`, padded with the ignore label (nothing else
    for a record without labels); `name` string `[batch]`; `size` int32 `[batch, 2]`,
    height and width before padding. `DatasetError` if the split is unknown, empty, or
    lacks a file.
    """
    info, index = split.info, split.index()
    read = functools.partial(_read, index)

    @_as_written
    def prepare(position: tf.Tensor) -> dict[str, tf.Tensor]:
        image, label, name = _decoded(position, read, info)
        image, label, size = preprocess.for_evaluation(
            image, label, crop_size, split.data, info.ignore_label
        )
        return {"image": image, "label": label[..., 0], "name": name, "size": size}

    images = tf.data.Dataset.range(len(index)).map(
        prepare, tf.data.AUTOTUNE, deterministic=True
    )
    if batch_size == 1:  # Copied into a batch, an image takes half as long again.
        one = functools.partial(tf.nest.map_structure, lambda part: part[tf.newaxis])
        return images.map(one).prefetch(2)
    fill = {"name": "", "size": 0, "label": info.ignore_label}
    fill |= {"image": preprocess.MEAN_PIXEL}
    return images.padded_batch(batch_size, padding_values=fill).prefetch(2)


def _files_that_differ(index: records.RecordIndex, info: DatasetInfo) -> str:
    """The files that have not the number of records that their conversion noted."""
    shards = _noted(index.paths[0].parent, info).shards
    found = np.bincount(index.where[:, 0], minlength=len(index.paths))
    differ = [
        f"{path} has {number} of {shards[path.name].num_records}"
        for path, number in zip(index.paths, found)
        if path.name in shards and number != shards[path.name].num_records
    ]
    return f" ({'; '.join(differ[:_MOST_SHOWN])})" if differ else ""


def _noted(folder: str | os.PathLike[str], info: DatasetInfo) -> Manifest:
    """What `dataset.json` says; without one `info` alone."""
    found = load_file(pathlib.Path(folder), None, Manifest.from_dict)
    return found or Manifest(info)


def _usable(
    info: DatasetInfo, paths: list[pathlib.Path], split: str, expected: int
) -> records.RecordIndex:
    """The index without the bad records; what is left out is logged."""
    index, bad = verify.usable_records(
        info,
        paths,
        _noted(paths[0].parent, info).shards,
        lambda done, total: logging.log_every_n_seconds(
            logging.INFO, "skip_bad_records: %d of %d are checked.", 10, done, total
        ),
    )
    if bad or len(index) != expected:
        shown = "; ".join(map(str, bad[:_MOST_SHOWN])) or "records are gone"
        logging.warning(
            "skip_bad_records: %d of %s of split %r used. Bad: %s%s",
            *(len(index), count(expected, "image"), split, shown),
            "; ..." * (len(bad) > _MOST_SHOWN),
        )
    return index


def _read(index: records.RecordIndex, number: int) -> tuple[bytes, bytes]:
    path, offset = index.place(number)
    return index.read(number), f"at byte {offset} of {path}".encode()


def _decoded(
    position: tf.Tensor,
    read: Callable[[np.int64], tuple[bytes, bytes]],
    info: DatasetInfo,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Image, label and name of the record that `read` gives for a position."""
    serialized, where = tf.numpy_function(read, [position], [tf.string, tf.string])
    both = tf.ensure_shape(serialized, []), tf.ensure_shape(where, [])
    return verify.decode(*both, info)


@functools.lru_cache(maxsize=4)
def _order(seed: int, epoch: int, size: int) -> np.ndarray:
    return np.random.default_rng((seed & 0xFFFFFFFF, epoch)).permutation(size)


def _read_in_random_order(
    index: records.RecordIndex, seed: int, position: np.int64
) -> tuple[bytes, bytes]:
    """The record at a place of the endless stream."""
    epoch, place = divmod(int(position), len(index))
    return _read(index, int(_order(seed, epoch, len(index))[place]))
