"""A data set in words and numbers, and what to look at before training on it."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.data.manifest import Shared, Skipped
from deeplab_dpc.data.statistics import SplitStatistics
from deeplab_dpc.formatting import clipped, count, fine_percent, some

MOST_IGNORED = 0.5
MOST_OF_ONE_CLASS = 0.95
MOST_SIZE_RATIO = 4.0
LEAST_STD = 5.0
_LONGEST_NAME = 28
_NAMES_SHOWN = 8

Counted = Mapping[str, SplitStatistics]


def splits_table(counted: Counted, files: Mapping[str, tuple[int, int]]) -> list[str]:
    """A row a split: images, files (number, bytes), sizes, colours, ignored pixels."""
    head = ("split", "images", "labelled", "files", "MiB", "height", "width")
    rows: list[tuple[str, ...]] = [(*head, "mean RGB", "std RGB", "ignored")]
    for split, figures in counted.items():
        count, num_bytes = files[split]
        labelled = sum(figures.class_pixels) + figures.ignored_pixels
        ignored = fine_percent(figures.ignored_pixels / labelled) if labelled else "-"
        rows.append(
            (split, f"{figures.num_images:,}", f"{figures.num_labelled:,}", str(count))
            + (f"{num_bytes / 2**20:,.1f}", _spread(figures.heights_px))
            + (_spread(figures.widths_px), _triple(figures.mean_rgb))
            + (_triple(figures.std_rgb), ignored)
        )
    return _aligned(rows)


def classes_table(info: DatasetInfo, counted: Counted) -> list[str]:
    """A row a class: its share of pixels and of images, for each split with labels."""
    labelled = {k: s for k, s in counted.items() if sum(s.class_pixels)}
    if not labelled:
        return []
    heads = ([f"{split}: pixels", "images", ""] for split in labelled)
    rows = [["id", "class", *itertools.chain(*heads)]]
    for c, name in enumerate(info.class_names):
        cells = (_cells(f, c, c == info.ignore_label) for f in labelled.values())
        rows.append([str(c), clipped(name, _LONGEST_NAME), *itertools.chain(*cells)])
    return _aligned(rows, left=1)


def _aligned(rows: Sequence[Sequence[str]], left: int = 0) -> list[str]:
    """Rows of cells as lines: columns to the right, but for that number to the left."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    form = "  ".join(
        f"{{:{'<' if i == left else '>'}{w}}}" for i, w in enumerate(widths)
    )
    return [form.format(*row).rstrip() for row in rows]


def _cells(figures: SplitStatistics, c: int, is_ignored: bool) -> list[str]:
    """Share of pixels, images, and their share of the labelled images."""
    images = figures.images_where_present[c]
    if is_ignored:
        return ["ignored", "", ""]
    if not images:
        return ["never", "0", ""]
    share = fine_percent(figures.class_pixels[c] / sum(figures.class_pixels))
    return [share, f"{images:,}", f"{100 * images / figures.num_labelled:.0f} %"]


def _spread(values: tuple[int, int, int]) -> str:
    """Smallest, median and largest; one number if all are the same."""
    return str(values[0]) if len(set(values)) == 1 else "/".join(map(str, values))


def _triple(values: tuple[float, float, float]) -> str:
    return " ".join(f"{value:.0f}" for value in values)


def warnings(info: DatasetInfo, counted: Counted) -> list[str]:
    """Sentences about what is likely to be a mistake, or to harm training."""
    found = _absent_classes(info, counted)
    for split, figures in counted.items():
        found += [f"{split}: {text}" for text in _of_split(info, figures)]
    return found


def shared_lines(shared: Sequence[Shared], most: int = 5) -> list[str]:
    """Which images occur twice, by the splits that have them; the first few by name."""
    groups: dict[tuple[str, tuple[str, ...]], list[Shared]] = {}
    for item in shared:
        splits = tuple(dict.fromkeys(split for split, _ in item.where))
        groups.setdefault((item.same, splits), []).append(item)
    lines = []
    for (same, splits), items in groups.items():
        where = " and ".join(splits) if len(splits) > 1 else f"{splits[0]}, twice"
        what = "equal image files" if same == "image" else "equal names"
        # The names of an image's occurrences, each once.
        names = [" = ".join(dict.fromkeys(n for _, n in item.where)) for item in items]
        lines.append(f"{len(items)} {what} in {where}: {some(names, most)}")
    return lines


def skipped_lines(skipped: Mapping[str, Sequence[Skipped]], most: int = 5) -> list[str]:
    """How many images the conversion left out of each split, and why the first ones."""
    lines = []
    for split, items in skipped.items():
        if items:
            lines.append(f"{split}: {len(items)} left out at conversion")
            lines += [f"  {item.name}: {item.reason}" for item in items[:most]]
            if items[most:]:
                lines.append(f"  and {len(items) - most} more, all in dataset.json")
    return lines


def is_training(split: str) -> bool:
    """Whether a split of this name is for training alone (`trainval` is not)."""
    return split.startswith("train") and not split.startswith("trainval")


def _absent_classes(info: DatasetInfo, counted: Counted) -> list[str]:
    """Classes that training never sees."""
    labelled = {k: s for k, s in counted.items() if s.num_labelled}
    train = [split for split in labelled if is_training(split)]
    seen_by = {split: np.array(s.class_pixels) > 0 for split, s in labelled.items()}
    if not train:
        return []
    absent = ~np.any([seen_by[split] for split in train], axis=0)
    absent &= np.arange(info.num_classes) != info.ignore_label
    lines, names = [], np.array(info.class_names, object)
    for split, seen in seen_by.items():
        only = names[absent & seen].tolist()
        if only and not split.startswith("train"):
            lines.append(
                f"{_classes(only)} in {split}, but never in {' or '.join(train)}: what "
                "a model never sees it cannot find, and scores 0."
            )
    if nowhere := names[absent & ~np.any([*seen_by.values()], axis=0)].tolist():
        lines.append(f"{_classes(nowhere)} in no split.")
    return lines


def _of_split(info: DatasetInfo, figures: SplitStatistics) -> list[str]:
    """What is odd about one split."""
    lines = _of_sizes(figures)
    unlabelled = figures.num_images - figures.num_labelled
    if unlabelled:
        which = "no image has" if not figures.num_labelled else f"{unlabelled} have no"
        lines.append(f"{which} labels; it can be drawn, but not scored or trained on.")
    labelled = sum(figures.class_pixels)
    ignored = figures.ignored_pixels / max(labelled + figures.ignored_pixels, 1)
    if not labelled:
        nothing = ["all labels are the ignore label."] if figures.num_labelled else []
        return lines + nothing
    if ignored > MOST_IGNORED:
        lines.append(
            f"{fine_percent(ignored)} of the pixels are ignored; is "
            f"{info.ignore_label} the right ignore label?"
        )
    share, name = max(zip(np.divide(figures.class_pixels, labelled), info.class_names))
    if info.num_classes > 1 and share > MOST_OF_ONE_CLASS:
        lines.append(
            f"{fine_percent(share)} of the labelled pixels are {name!r}: a model that "
            "predicts nothing else has a low loss. Look at the labels; if they are "
            "right, try --label_weights=balanced."
        )
    return lines


def _of_sizes(figures: SplitStatistics) -> list[str]:
    lines = []
    for what, (least, _, most) in (
        ("heights", figures.heights_px),
        ("widths", figures.widths_px),
    ):
        if most > MOST_SIZE_RATIO * least:
            lines.append(
                f"{what} from {least} to {most:,} pixels: objects differ as much in "
                "size. --min_resize_value and --max_resize_value even it out."
            )
    if max(figures.std_rgb) < LEAST_STD:
        lines.append(
            f"the images are nearly of one colour (standard deviation "
            f"{max(figures.std_rgb):.1f} of 255); are they the images?"
        )
    return lines


def _classes(names: Sequence[str]) -> str:
    """The names as the beginning of a sentence."""
    if len(names) == 1:
        return f"Class {names[0]!r} occurs"
    return f"{count(len(names), 'class')} ({some(names, _NAMES_SHOWN)}) occur"
