"""From image and label files to records: everything checked, all or nothing."""

import contextlib
import dataclasses
import os
import pathlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import TextIO

from deeplab_dpc.data import progress, records, sources
from deeplab_dpc.data.dataset_info import FILE_NAME, DatasetError, DatasetInfo
from deeplab_dpc.data.manifest import Manifest

_UNFINISHED = ".converting-"


@dataclasses.dataclass(frozen=True)
class Options:
    """How a data set is converted.

    Attributes:
        num_shards: Files a split (fewer for a split with fewer images).
    """

    num_shards: int = 4


_DEFAULTS = Options()


def convert(
    source: sources.Source,
    output_dir: pathlib.Path,
    options: Options = _DEFAULTS,
    log: TextIO = sys.stderr,
) -> Manifest:
    """Writes a data set's records and its `dataset.json`, or nothing.

    The files appear in `output_dir` when all of them are done; then they replace those
    of an earlier conversion of the same data set. Equal sources give equal bytes.

    Args:
        source: What to convert.
        output_dir: Folder for the records; made if missing.
        options: How.
        log: Where the progress is shown.

    Raises:
        DatasetError: For a file that is missing, damaged or wrong, or an output folder
            that cannot be written or holds something else.
    """
    info = source.info()
    sources.check_files(source)
    _check_output(output_dir, info)
    with _unfinished(output_dir) as unfinished:
        for split, items in source.splits.items():
            _write_split(source, split, items, unfinished, options.num_shards, log)
        manifest = Manifest(info)
        manifest.save(unfinished)
        _install(unfinished, output_dir)
    return manifest


def run_program(convert_all: Callable[[], Manifest], output_dir: pathlib.Path) -> int:
    """Runs a converter; gives its exit code, with one paragraph for either end.

    A converter needs no GPU, and must not take the memory of one in use.
    """
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    try:
        info = convert_all().info
    except (DatasetError, OSError) as e:
        text = f"{e.filename}: {e.strerror}." if isinstance(e, OSError) else str(e)
        print(f"{text}\nNothing was written.", file=sys.stderr)
        return 1
    sizes = ", ".join(f"{split} {size}" for split, size in info.split_sizes.items())
    print(
        f"{info.name}: {info.num_classes} classes, ignore label {info.ignore_label}; "
        f"images: {sizes}. Train with --dataset_dir={output_dir}"
    )
    return 0


def _check_output(output_dir: pathlib.Path, info: DatasetInfo) -> None:
    """Fails if the folder holds what this conversion must not replace."""
    if output_dir.exists() and not output_dir.is_dir():
        raise DatasetError(f"--output_dir={output_dir} is not a folder.")
    if not output_dir.is_dir():
        return
    if (output_dir / FILE_NAME).is_file():
        there = DatasetInfo.load(output_dir)
        if there.name != info.name:
            raise DatasetError(
                f"--output_dir={output_dir} holds the data set {there.name!r}, not "
                f"{info.name!r}. Choose another folder."
            )
    elif any(records.is_shard(path) for path in output_dir.iterdir()):
        raise DatasetError(
            f"--output_dir={output_dir} holds records without a {FILE_NAME}, which "
            "another program wrote or an interrupted one left. Choose another folder, "
            "or remove them."
        )


@contextlib.contextmanager
def _unfinished(output_dir: pathlib.Path) -> Iterator[pathlib.Path]:
    """A folder in the output folder for what is not done; gone afterwards.

    The output folder is made; after a failure it is removed again if it was.
    """
    is_new = not output_dir.exists()
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
        folder = pathlib.Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=output_dir))
    except OSError as e:
        raise DatasetError(
            f"--output_dir={output_dir} cannot be written ({e.strerror}). Choose "
            "another folder, or change its permissions."
        ) from e
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        if is_new:
            with contextlib.suppress(OSError):
                output_dir.rmdir()
        raise
    shutil.rmtree(folder, ignore_errors=True)


def _write_split(
    source: sources.Source,
    split: str,
    items: Sequence[sources.Item],
    folder: pathlib.Path,
    num_shards: int,
    log: TextIO,
) -> None:
    count = min(num_shards, len(items))
    with progress.shown(split, len(items), log) as step:
        for i in range(count):
            part = items[len(items) * i // count : len(items) * (i + 1) // count]
            path = folder / records.shard_name(split, i, count)
            records.write_shard(path, _examples(part, source, step))


def _examples(
    items: Sequence[sources.Item], source: sources.Source, step: Callable[[], None]
) -> Iterator[bytes]:
    for item in items:
        yield records.encode(sources.make_record(item, source))
        step()


def _install(new: pathlib.Path, folder: pathlib.Path) -> None:
    """Moves a finished conversion into place; puts the earlier one back on failure.

    `dataset.json` goes first and comes last: a folder in between is never taken for a
    whole data set.
    """
    old = new / "previous"
    old.mkdir()
    there = [folder / FILE_NAME] if (folder / FILE_NAME).is_file() else []
    there += sorted(path for path in folder.iterdir() if records.is_shard(path))
    come = sorted(path for path in new.iterdir() if records.is_shard(path))
    moved: list[tuple[pathlib.Path, pathlib.Path]] = []
    try:
        for source, target in [(path, old / path.name) for path in there] + [
            (path, folder / path.name) for path in [*come, new / FILE_NAME]
        ]:
            os.replace(source, target)
            moved.append((source, target))
    except BaseException:
        for source, target in reversed(moved):
            os.replace(target, source)
        raise
