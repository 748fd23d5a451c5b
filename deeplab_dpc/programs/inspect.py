r"""Tells what is in a folder of records, and checks them.

python -m deeplab_dpc.data.inspect --dataset_dir=records/camvid
python -m deeplab_dpc.data.inspect --dataset_dir=records/camvid --verify
python -m deeplab_dpc.data.inspect --dataset_dir=records/camvid --augmentations

Prints splits, sizes, how often each class occurs, warnings and balanced weights; draws
histogram.png and contact_sheet_<split>.png into --output_dir. With --verify every
record is read and checked first: if one is bad, the exit code is 1. --augmentations
draws augmentations_<split>.png, too: what train.py's random changes do to an image.
"""

from __future__ import annotations

import dataclasses
import pathlib
import sys
from collections.abc import Mapping, Sequence

from absl import app, flags

from deeplab_dpc import files
from deeplab_dpc.config import AugmentConfig
from deeplab_dpc.data import records
from deeplab_dpc.data.dataset_info import DatasetError, DatasetInfo
from deeplab_dpc.data.manifest import Manifest
from deeplab_dpc.data.statistics import SplitStatistics, balanced_weights
from deeplab_dpc.formatting import count
from deeplab_dpc.programs import command_line, lazily
from deeplab_dpc.programs import flags as config_flags
from deeplab_dpc.progress import Progress
from deeplab_dpc.settings import Config, setting
from deeplab_dpc.training import class_weights

with lazily.imported():
    from deeplab_dpc.data import verify
    from deeplab_dpc.inspection import augmentations, data_report
    from deeplab_dpc.inspection import contents as inspection
    from deeplab_dpc.reports import class_chart, image_sheets, pictures

Shards = Mapping[str, Sequence[pathlib.Path]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class InspectConfig(Config):
    """What is inspected, and where the pictures go."""

    dataset_dir: str | None = setting(
        None, "Folder with the TFRecord files and their dataset.json."
    )
    dataset: str | None = setting(
        None,
        "Name of a known data set, for a folder without a dataset.json (records "
        "that the original's converters wrote).",
    )
    split: tuple[str, ...] | None = setting(
        None, "Splits to look at; all by default.", repeatable=True
    )
    output_dir: str | None = setting(
        None,
        "Folder for the pictures; by default inspect/<name of the records' folder> in "
        "the current folder.",
    )
    num_images: int = setting(
        12, "Images on a contact sheet; 0: no contact sheets.", at_least=0
    )
    verify: bool = setting(
        False, "Check every record and file first; exit code 1 if one is bad."
    )
    augmentations: bool = setting(
        False,
        "Draw what training's random changes do to an image: those whose flags are "
        "given, or else each of them.",
    )


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the program's flags."""
    for config in (InspectConfig, AugmentConfig):
        config_flags.define(config, values)


def main(argv: Sequence[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Runs the program."""
    del argv
    options = config_flags.config_from(InspectConfig, values=values)
    if options.dataset_dir is None:
        raise app.UsageError("--dataset_dir is missing; give a folder of records.")
    folder = pathlib.Path(options.dataset_dir)
    manifest = Manifest.load(folder, options.dataset)
    shards = _shards(manifest.info, folder, options.split)
    _print(
        f"{manifest.info.name} in {folder}: "
        f"{count(manifest.info.num_classes, 'class')}, label "
        f"{manifest.info.ignore_label} is ignored.\n"
    )
    if options.verify and not verified(manifest, shards):
        sys.exit(1)
    counted = _counted(manifest, shards)
    _print(report(manifest, shards, counted))
    name = folder.resolve().name
    output = options.output_dir or pathlib.Path("inspect") / name
    output = files.output_folder(output, "output_dir")
    _print(f"\nPictures in {output}:")
    draw(manifest.info, shards, counted, options.num_images, output)
    if options.augmentations:
        changes = config_flags.config_from(AugmentConfig, values=values)
        if changes == AugmentConfig():
            changes = augmentations.TYPICAL
        draw_augmentations(manifest.info, shards, changes, output)


def verified(manifest: Manifest, shards: Shards) -> bool:
    """Reads and checks every record and file; prints the bad ones, or how many."""
    paths = [path for of_split in shards.values() for path in of_split]
    with Progress(len(paths), "checksums", "files") as progress:
        files = inspection.file_problems(manifest, shards, True, progress.advance)
    files += inspection.count_problems(manifest.info, shards)
    index = records.index_records(paths, skip_damage=True)
    with Progress(len(index), "records", "records") as progress:
        bad = verify.find_bad_records(
            manifest.info, paths, lambda done, _: progress.advance()
        )
    for line in [*files, *map(str, bad)]:
        _print(f"BAD {line}")
    if files or bad:
        _print(
            f"Bad records: {len(bad)}; problems with files: {len(files)}. Copy the "
            "files again, convert the data set again, or train with "
            "--skip_bad_records."
        )
        return False
    checksums = ", checksums of all files" if manifest.shards else ""
    _print(f"{count(len(index), 'record')} verified{checksums}.\n")
    return True


def report(
    manifest: Manifest,
    shards: Shards,
    counted: Mapping[str, SplitStatistics],
) -> str:
    """All that is printed of a data set: tables, what is odd, weights."""
    info = manifest.info
    sizes = {
        split: (len(paths), sum(path.stat().st_size for path in paths))
        for split, paths in shards.items()
    }
    parts = [
        data_report.splits_table(counted, sizes),
        data_report.classes_table(info, counted),
        _listed("Left out:", data_report.skipped_lines(manifest.skipped)),
        _listed("Shared:", data_report.shared_lines(manifest.shared_images)),
    ]
    odd = inspection.file_problems(manifest, shards)
    odd += inspection.count_problems(info, shards)
    odd += data_report.warnings(info, counted)
    parts += [_listed("Look at:", odd), _weights(info, counted)]
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def draw(
    info: DatasetInfo,
    shards: Shards,
    counted: Mapping[str, SplitStatistics],
    num_images: int,
    folder: pathlib.Path,
) -> None:
    """Writes `histogram.png` and a contact sheet for each split."""
    palette = pictures.Palette.of(info)
    classes = count(info.num_classes, "class")
    title = f"{info.name}: {classes}, shares of the labelled pixels"
    if chart := class_chart.class_chart(palette, counted, title):
        files.write(folder / "histogram.png", chart)
        _print("  histogram.png")
    for split, paths in shards.items() if num_images else ():
        index = records.index_records(paths)
        numbers = inspection.evenly_spaced(len(index), num_images)
        items = (
            (record.name, record.image, record.label)
            for _, record in inspection.read_all(index, numbers)
        )
        title = f"{info.name}, {split}: {len(numbers)} of {count(len(index), 'image')}"
        name = f"contact_sheet_{split}.png"
        picture = image_sheets.contact_sheet(items, palette, title)
        pictures.write_png(folder / name, picture)
        _print(f"  {name}")


def draw_augmentations(
    info: DatasetInfo, shards: Shards, changes: AugmentConfig, folder: pathlib.Path
) -> None:
    """Writes what training's random changes do to an image of a training split, or of
    the first split there is.
    """
    split = next((s for s in shards if s.startswith("train")), next(iter(shards)))
    index = records.index_records(shards[split])
    first = len(index) // 2
    order = [*range(first, len(index)), *range(first)]
    labelled = (
        (record.name, record.image, record.label)
        for _, record in inspection.read_all(index, order)
        if record.label is not None
    )
    found = next(labelled, None)
    if found is None:
        raise DatasetError(f"--augmentations: no image of {split!r} has labels.")
    title = f"{info.name}, {split}: random changes of {found[0]}"
    items = augmentations.shown(*found[1:], changes, info.ignore_label)
    picture = image_sheets.contact_sheet(items, pictures.Palette.of(info), title)
    name = f"augmentations_{split}.png"
    pictures.write_png(folder / name, picture)
    _print(f"  {name}")


def _shards(
    info: DatasetInfo, folder: pathlib.Path, splits: Sequence[str] | None
) -> dict[str, list[pathlib.Path]]:
    """The files of the chosen splits, in the order of `dataset.json`."""
    there = records.shards_by_split(folder)
    order = [*info.split_sizes, *sorted(set(there) - set(info.split_sizes))]
    found = {split: there[split] for split in order if split in there}
    unknown = [split for split in splits or () if split not in found]
    if unknown or not found:
        raise DatasetError(
            f"{folder} has no records of split {', '.join(unknown) or 'train'}; splits "
            f"with records there: {', '.join(found) or 'none'}."
        )
    return {split: found[split] for split in splits or found}


def _counted(manifest: Manifest, shards: Shards) -> dict[str, SplitStatistics]:
    """Figures of each split: those in `dataset.json`, or what is counted now."""
    found = {}
    for split, paths in shards.items():
        if split in manifest.statistics:
            found[split] = manifest.statistics[split]
            continue
        index = records.index_records(paths)
        if not len(index):
            raise DatasetError(f"Split {split!r} has files, but no record in them.")
        with Progress(len(index), f"counting {split}") as progress:
            found[split] = inspection.count(manifest.info, index, progress.advance)
    return found


def _weights(info: DatasetInfo, counted: Mapping[str, SplitStatistics]) -> list[str]:
    """Balanced weights of the training splits, to be copied."""
    lines = []
    for split, figures in counted.items():
        if split.startswith("train") and any(figures.class_pixels):
            weights = balanced_weights(figures)
            lines.append(
                f"Balanced weights of {split} (median frequency; what "
                "--label_weights=balanced takes):"
            )
            lines.append(f"  {class_weights.flag(weights)}")
    return lines


def _listed(title: str, lines: Sequence[str]) -> list[str]:
    """A title above indented lines; nothing if there are none."""
    return [title, *(f"  {line}" for line in lines)] if lines else []


def _print(text: str) -> None:
    print(text, flush=True)


def run() -> None:
    """Runs the program from the command line."""
    define_flags()
    command_line.run(main, help=__doc__)


if __name__ == "__main__":
    run()
