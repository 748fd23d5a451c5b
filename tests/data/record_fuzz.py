"""Damages record files by the hundred and reads them as the programs do.

python -m tests.data.record_fuzz FIRST COUNT    prints one JSON object a case
"""

import collections
import dataclasses
import functools
import pathlib
import tempfile
from collections.abc import Callable, Iterator

import google_crc32c
import numpy as np

from deeplab_dpc.config import DataConfig, TrainConfig
from deeplab_dpc.data import manifest, pipeline, records, verify
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.inspection import contents as inspection
from tests.data import fuzzing, mutations
from tests.data.fuzzing import Outcome

GROUP = 40  # Cases that lie in one folder, a shard each.
RECORDS = 4  # Records of a shard.
CROP = (32, 40)  # At least as large as every image.
LEGAL = (0, 1, 2, 255)
COLORS = ((1, 2, 3), (4, 5, 6), (7, 8, 9))
INFO = DatasetInfo("fuzz", ("a", "b", "c"), COLORS, 255, {"train": 1})
TRAIN = TrainConfig(
    train_batch_size=8, train_crop_size=CROP, min_scale_factor=1, max_scale_factor=1
)


@dataclasses.dataclass(frozen=True)
class Shard:
    """A case's file, and what it held before it was damaged."""

    case: int
    how: Callable[[bytes, np.random.Generator], bytes]
    path: pathlib.Path
    originals: dict[str, np.ndarray]
    stated: manifest.Shard

    @property
    def is_checked(self) -> bool:
        """Whether the checksums were made right again after the damage."""
        return self.how in mutations.CHECKED


def make_shard(case: int, folder: pathlib.Path) -> Shard:
    """Writes the damaged shard of a case."""
    random = np.random.default_rng((1, case))
    examples, originals = [], {}
    for i in range(RECORDS):
        size = (int(random.integers(8, 33)), int(random.integers(8, 41)))
        ids = random.choice(np.array(LEGAL, np.uint8), size)
        image, format = fuzzing.picture(random, size), ("png", "jpeg")[i % 2]
        name = f"case{case}_{i}"
        data, label = fuzzing.encoded(image, format), records.encode_png(ids)
        examples.append(records.encode(records.Record(name, data, format, size, label)))
        originals[name] = ids
    hows = (*mutations.SHARD, *mutations.CHECKED, *mutations.CHECKED)
    how = hows[case % len(hows)]
    path = folder / records.shard_name("train", case % GROUP, GROUP)
    whole = b"".join(map(records.framed, examples))
    path.write_bytes(how(whole, random))
    checksum = f"{google_crc32c.value(whole):08x}"
    stated = manifest.Shard(RECORDS, len(whole), checksum)
    return Shard(case, how, path, originals, stated)


def run_group(first: int, folder: pathlib.Path) -> Iterator[Outcome]:
    """Reads a folder of damaged shards in every way that programs read."""
    INFO.save(folder)
    shards = [make_shard(case, folder) for case in range(first, first + GROUP)]
    paths = [shard.path for shard in shards]
    found = verify.find_bad_records(INFO, paths)
    bad = collections.defaultdict(list)
    for record in found:
        bad[record.path].append(str(record))
    for shard, evaluated in zip(shards, skipping(folder, paths, found)):
        yield judged(shard, bad[shard.path], evaluated)
    yield from strictly(shards, bad, folder)


def skipping(
    folder: pathlib.Path, paths: list[pathlib.Path], bad: list[verify.BadRecord]
) -> list[list[tuple[str, np.ndarray]]]:
    """Names and labels that `--skip_bad_records` lets through, by file; an error if
    training sees others than evaluation.
    """
    index = records.index_records(paths, skip_damage=True)
    left_out = {(record.path, record.offset) for record in bad}
    index = index.select(i for i in range(len(index)) if index.place(i) not in left_out)
    evaluated = list(evaluation(folder, skip=True))
    trained = dict(training(folder, -(-len(index) // TRAIN.train_batch_size)))
    assert len(evaluated) == len(index)
    for name, label in evaluated:
        around = [(0, CROP[axis] - label.shape[axis]) for axis in (0, 1)]
        padded = np.pad(label, around, constant_values=255)
        views = (padded, padded[:, ::-1])
        many = [n for n, _ in evaluated].count(name) > 1
        assert many or any(np.array_equal(trained[name], v) for v in views), name
    counts = np.bincount(index.where[:, 0], minlength=len(paths))
    ends = np.cumsum(counts)
    return [evaluated[end - n : end] for end, n in zip(ends, counts)]


def split_of(folder: pathlib.Path, skip: bool) -> pipeline.Split:
    """The folder's records as the programs read them."""
    data = DataConfig(skip_bad_records=skip)
    return pipeline.Split(DatasetInfo.load(folder), folder, "train", data)


def evaluation(folder: pathlib.Path, skip: bool) -> Iterator[tuple[str, np.ndarray]]:
    """Name and label of each record, as evaluation sees it."""
    split = split_of(folder, skip)
    with split.record_errors():
        batches = pipeline.evaluation_batches(split, 4, (8, 8))
        for batch in batches.as_numpy_iterator():
            assert batch["image"].shape == (*batch["label"].shape, 3)
            for name, label, size in zip(batch["name"], batch["label"], batch["size"]):
                yield name.decode(errors="replace"), label[: size[0], : size[1]]


def training(
    folder: pathlib.Path, num_batches: int, skip: bool = True
) -> Iterator[tuple[str, np.ndarray]]:
    """Name and label of each view of some training batches."""
    split = split_of(folder, skip)
    with split.record_errors():
        batches = pipeline.training_batches(split, TRAIN)
        for batch in batches.take(num_batches).as_numpy_iterator():
            assert batch["image"].shape == (TRAIN.train_batch_size, *CROP, 3)
            assert np.isin(batch["label"], LEGAL).all()
            for name, label in zip(batch["name"], batch["label"]):
                yield name.decode(errors="replace"), label


def judged(shard: Shard, bad: list[str], read: list[tuple[str, np.ndarray]]) -> Outcome:
    """What became of a shard of which these records were found bad, and these read."""

    def outcome(result: str, detail: str = "") -> Outcome:
        return Outcome(shard.case, shard.how.__name__, result, detail)

    def is_kept(name: str, label: np.ndarray) -> bool:
        known = shard.originals
        originals = [known[name]] if name in known else known.values()
        return any(np.array_equal(label, original) for original in originals)

    changed = [name for name, label in read if not is_kept(name, label)]
    for name, label in read:
        if not np.isin(label, LEGAL).all():
            return outcome("WRONG", f"{name} has labels that are no class")
    if changed and not shard.is_checked:
        return outcome("WRONG", f"labels of {changed} changed in silence")
    if any(str(shard.path) not in message for message in bad):
        return outcome("WRONG", f"a message does not name the file: {bad}")
    if changed:
        empty = all((label == 255).all() for name, label in read if name in changed)
        return outcome("invisible", "no label" if empty else "another label")
    if bad:
        return outcome("skipped" if read else "refused", bad[0])
    missing = set(shard.originals) - {name for name, _ in read}
    if missing and shard.how is not mutations.swap_records and not shard.is_checked:
        told = inspection.file_problems(
            manifest.Manifest(INFO, shards={shard.path.name: shard.stated}),
            {"train": [shard.path]},
            with_checksums=True,
        )
        return outcome("lost" if told else "WRONG", f"{len(missing)} records: {told}")
    return outcome("harmless")


def strictly(
    shards: list[Shard], bad: dict[pathlib.Path, list[str]], folder: pathlib.Path
) -> Iterator[Outcome]:
    """Reads some shards of a group without skipping: all is well, or an error says."""
    for i, shard in enumerate(shards[:: GROUP // 4]):
        alone = folder / f"alone{shard.case}"
        alone.mkdir()
        path = alone / records.shard_name("train", 0, 1)
        shard.path.rename(path)
        manifest.Manifest(
            dataclasses.replace(INFO, split_sizes={"train": RECORDS}),
            shards={path.name: shard.stated},
        ).save(alone)
        read = evaluation(alone, False) if i % 2 else training(alone, 1, skip=False)
        error = fuzzing.told(functools.partial(list, read))
        how = f"{shard.how.__name__} without skipping"
        found = records.index_records([path], skip_damage=True)
        expected = bool(bad[shard.path]) or len(found) != RECORDS
        if bool(error) != expected:
            yield Outcome(shard.case, how, "WRONG", f"{error!r}, {bad[shard.path]}")
        elif error and str(path) not in error:
            yield Outcome(shard.case, how, "WRONG", f"does not name the file: {error}")
        else:
            yield Outcome(shard.case, how, "refused" if error else "harmless", error)


def run(first: int, count: int) -> Iterator[Outcome]:
    """Whole groups that hold these cases."""
    for start in range(first, first + count, GROUP):
        with tempfile.TemporaryDirectory() as folder:
            yield from run_group(start, pathlib.Path(folder))


if __name__ == "__main__":
    fuzzing.main(run)
