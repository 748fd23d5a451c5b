"""A data set in words and numbers: tables that fit a terminal."""

from collections.abc import Mapping, Sequence

from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.data.statistics import SplitStatistics
from deeplab_dpc.formatting import fine_percent

_LONGEST_NAME = 28

Counted = Mapping[str, SplitStatistics]


def splits_table(counted: Counted, files: Mapping[str, tuple[int, int]]) -> list[str]:
    """A row a split: images, files (number, bytes), sizes, mean colours, ignored
    pixels.
    """
    head = ("split", "images", "labelled", "files", "MiB") + (
        "height",
        "width",
        "mean RGB",
        "std RGB",
        "ignored",
    )
    rows = [head]
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
    return aligned(rows)


def classes_table(info: DatasetInfo, counted: Counted) -> list[str]:
    """A row a class: its share of the labelled pixels and of the images of each
    split.
    """
    labelled = {k: s for k, s in counted.items() if sum(s.class_pixels)}
    if not labelled:
        return []
    head = ["id", "class"]
    for split in labelled:
        head += [f"{split}: pixels", "images", ""]
    rows = [tuple(head)]
    for c, name in enumerate(info.class_names):
        row = [str(c), _short(name)]
        for figures in labelled.values():
            row += _cells(figures, c, c == info.ignore_label)
        rows.append(tuple(row))
    return aligned(rows, left=(1,))


def aligned(rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> list[str]:
    """Rows of cells as lines: columns to the right, but the `left` ones to the left."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    return [
        "  ".join(
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in rows
    ]


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


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 3]}..."
