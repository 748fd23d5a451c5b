"""What a careful engineer would look at in a data set before training on it."""

from collections.abc import Mapping, Sequence

from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.data.manifest import Shared, Skipped
from deeplab_dpc.data.statistics import SplitStatistics
from deeplab_dpc.formatting import fine_percent

MOST_IGNORED = 0.5
MOST_OF_ONE_CLASS = 0.95
MOST_SIZE_RATIO = 4.0
LEAST_STD = 5.0
_NAMES_SHOWN = 8

Counted = Mapping[str, SplitStatistics]


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
        names = _some([" = ".join(_named(item)) for item in items], most)
        lines.append(f"{len(items)} {what} in {where}: {names}")
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


def _named(item: Shared) -> list[str]:
    """The names of an image's occurrences, each once."""
    return list(dict.fromkeys(name for _, name in item.where))


def _absent_classes(info: DatasetInfo, counted: Counted) -> list[str]:
    """Classes that training never sees."""
    labelled = {k: s for k, s in counted.items() if s.num_labelled}
    train = [split for split in labelled if is_training(split)]
    if not train:
        return []
    lines = []
    absent = [
        c
        for c in range(info.num_classes)
        if c != info.ignore_label
        and not any(labelled[split].class_pixels[c] for split in train)
    ]
    others = {k: s for k, s in labelled.items() if not k.startswith("train")}
    for split, figures in others.items():
        only = [info.class_names[c] for c in absent if figures.class_pixels[c]]
        if only:
            lines.append(
                f"{_classes(only)} in {split}, but never in {' or '.join(train)}: what "
                "a model never sees it cannot find, and scores 0."
            )
    nowhere = [
        info.class_names[c]
        for c in absent
        if not any(figures.class_pixels[c] for figures in labelled.values())
    ]
    if nowhere:
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
    if figures.num_labelled and not labelled:
        lines.append("all labels are the ignore label.")
        return lines
    if ignored > MOST_IGNORED:
        lines.append(
            f"{fine_percent(ignored)} of the pixels are ignored; is "
            f"{info.ignore_label} the right ignore label?"
        )
    if labelled and info.num_classes > 1:
        share, largest = max(
            (n / labelled, c) for c, n in enumerate(figures.class_pixels)
        )
        if share > MOST_OF_ONE_CLASS:
            lines.append(
                f"{fine_percent(share)} of the labelled pixels are "
                f"{info.class_names[largest]!r}: a model that predicts nothing else "
                "has a low loss. Look at the labels; if they are right, try "
                "--label_weights=balanced."
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
                f"{what} from {least} to {most} pixels: objects differ as much in "
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
    return f"{len(names)} classes ({_some(names, _NAMES_SHOWN)}) occur"


def _some(names: Sequence[str], most: int) -> str:
    more = f" and {len(names) - most} more" if names[most:] else ""
    return ", ".join(names[:most]) + more
