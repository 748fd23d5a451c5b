"""From image and label files to records: everything checked, all or nothing."""

import collections
import pathlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TextIO

from deeplab_dpc.conversion import sources, workers, workspace
from deeplab_dpc.conversion.shard_maker import (
    Finished,
    Options,
    Place,
    ShardMaker,
    ShardPlan,
)
from deeplab_dpc.data import DatasetError, records
from deeplab_dpc.data.dataset_info import FILE_NAME, DatasetInfo
from deeplab_dpc.data.manifest import Manifest, Shared, Skipped
from deeplab_dpc.data.statistics import Tally
from deeplab_dpc.formatting import count
from deeplab_dpc.progress import Progress

__all__ = ["Options", "convert"]

_DEFAULTS = Options()


def convert(
    source: sources.Source,
    output_dir: pathlib.Path,
    options: Options = _DEFAULTS,
    log: TextIO = sys.stderr,
) -> Manifest:
    """Writes a data set's records and its `dataset.json`, or nothing; gives the latter.

    The files appear in `output_dir` when all of them are done; then they replace those
    of an earlier conversion of the same data set. Equal sources give equal bytes,
    whatever the number of processes. Shards that an earlier run finished before it
    failed or was killed are not made again, unless their files have changed. `log`
    shows the progress. A `DatasetError` tells of a file that is missing, damaged or
    wrong (unless bad ones are to be skipped), a split of which nothing is left, or an
    output folder that cannot be written, holds something else or is in use.
    """
    sources.check_splits(source)
    if not options.skip_bad:
        sources.check_files(source)
    with workspace.opened(output_dir) as folder:
        _check_output(output_dir, source.name)
        maker = ShardMaker(source, options, folder)
        plans = _plans(source, options.num_shards)
        finished = _find_finished(plans, maker, log)
        kept = [name for p in plans if p.name in finished for name in (p.name, p.note)]
        workspace.clear(folder, kept)
        left = [plan for plan in plans if plan.name not in finished]
        size = sum(len(plan.items) for plan in left)
        with Progress(size, source.name, stream=log) as progress:
            finished |= workers.make_all(left, maker, progress.advance)
        manifest = _manifest(source, [(plan, finished[plan.name]) for plan in plans])
        manifest.save(folder)
        workspace.install(folder, output_dir)
    return manifest


def _check_output(output_dir: pathlib.Path, name: str) -> None:
    """Fails if the folder holds what this conversion must not replace."""
    if (output_dir / FILE_NAME).is_file():
        there = DatasetInfo.load(output_dir)
        if there.name != name:
            raise DatasetError(
                f"--output_dir={output_dir} holds the data set {there.name!r}, not "
                f"{name!r}. Choose another folder."
            )
    elif any(records.is_shard(path) for path in output_dir.iterdir()):
        raise DatasetError(
            f"--output_dir={output_dir} holds records without a {FILE_NAME}, which "
            "another program wrote. Choose another folder, or remove them."
        )


def _plans(source: sources.Source, num_shards: int) -> list[ShardPlan]:
    plans = []
    for split, items in source.splits.items():
        count = min(num_shards, len(items))
        for i in range(count):
            part = items[len(items) * i // count : len(items) * (i + 1) // count]
            plans.append(ShardPlan(split, records.shard_name(split, i, count), part))
    return plans


def _find_finished(
    plans: Sequence[ShardPlan], maker: ShardMaker, log: TextIO
) -> dict[str, Finished]:
    """The shards that an earlier run left finished, each one checked."""
    there = {path.name for path in maker.folder.iterdir()}
    maybe = [plan for plan in plans if {plan.name, plan.note} <= there]
    if not maybe:
        return {}
    found = {}
    with Progress(len(maybe), "checking what is done", "shards", log) as progress:
        for plan in maybe:
            finished = maker.find(plan)
            if finished is not None:
                found[plan.name] = finished
            progress.advance()
    print(
        f"{len(found)} of {count(len(plans), 'shard')} need not be made again: an "
        "earlier run finished them.",
        file=log,
    )
    return found


def _manifest(
    source: sources.Source, shards: Sequence[tuple[ShardPlan, Finished]]
) -> Manifest:
    """All that is known at the end; an error if all images of a split were skipped."""
    figures, skipped = {}, {}
    for split, items in source.splits.items():
        parts = [finished for plan, finished in shards if plan.split == split]
        left_out: tuple[Skipped, ...] = sum((p.skipped for p in parts), ())
        if len(left_out) == len(items):
            raise DatasetError(
                f"Split {split!r}: nothing is left of its "
                f"{count(len(items), 'image')}. The first one, {left_out[0].name}: "
                f"{left_out[0].reason}"
            )
        if left_out:
            skipped[split] = left_out
        tally = Tally(len(source.class_names), source.ignore_label)
        for part in parts:
            tally.merge(part.tally)
        figures[split] = tally.figures()
    sizes = {split: figures[split].num_images for split in source.splits}
    places = (place for _, finished in shards for place in finished.places)
    return Manifest(
        source.info(sizes),
        figures,
        {plan.name: finished.shard for plan, finished in shards},
        skipped,
        find_shared(places, source.unions),
    )


def find_shared(
    places: Iterable[Place], unions: Mapping[str, Sequence[str]]
) -> tuple[Shared, ...]:
    """The images of equal files, and the names of different ones, in order of places.

    Splits of which one is made of the other (`unions`, as in `Source`), or which have a
    part in common, may share images. What occurs twice in a part is not reported again
    for the whole.
    """
    places = list(places)
    splits = {place.split for place in places}
    whole = {s for s, parts in unions.items() if splits.intersection(parts)}
    family = {s: {s, *unions.get(s, ())} for s in splits}

    def clashing(same: str, group: Sequence[Place]) -> Iterator[tuple[str, str]]:
        counts = collections.Counter(place.split for place in group)
        digests = {place.split: place.digest for place in group}
        for split, name, digest in group:
            is_twice = same == "image" and counts[split] > 1 and split not in whole
            others = (s for s in digests if same == "image" or digests[s] != digest)
            if is_twice or any(family[split].isdisjoint(family[s]) for s in others):
                yield split, name

    found = []
    for same, key in (("image", "digest"), ("name", "name")):
        groups = collections.defaultdict(list)
        for place in places:
            groups[getattr(place, key)].append(place)
        for group in groups.values():
            where = tuple(clashing(same, group))
            if where:
                found.append(Shared(same, where))
    return tuple(found)
