r"""Measures how near we are to the original, for g3doc/faithfulness.md and .csv.

python -m tests.faithfulness --golden=../shared/golden

Runs every test that compares with the original's numbers; each comparison that one of
them makes (`goldens.check`) counts for a row of the CSV and for the page's summary. Fails if a test fails
or if a file of the folder was compared by none.
"""

import argparse
import collections
import csv
import io
import os
import pathlib
import sys
from importlib import metadata

import pytest

from deeplab_dpc import files

ROOT = pathlib.Path(__file__).parent.parent
BEGIN = "<!-- begin: written by `make faithfulness` -->"
END = "<!-- end: written by `make faithfulness` -->"
NOT_COMPARED = {
    "README.md": "about the folder",
    "RECIPE.md": "about the folder",
    "noise.json": "how far the original is from itself: the source of tolerances",
    "cost.json": "counts of parameters and multiply-adds, not of a computation",
    "multi_scale/image_pyramid_dpc_bug.json": "differs on purpose: one cell for all "
    "scales",
    "preproc/cityscapes_ids.json": "the benchmark's ids, not needed before there is a "
    "Cityscapes converter",
}


def main(arguments: list[str]) -> int:
    """Runs the tests and writes the table; gives what failed, 0 for nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--golden", help="the folder of the original's numbers")
    parser.add_argument("--page", default=ROOT / "g3doc" / "faithfulness.md")
    options = parser.parse_args(arguments)
    if options.golden:
        os.environ["DEEPLAB_DPC_GOLDEN"] = os.path.abspath(options.golden)
    from tests import goldens  # After the folder is known.

    if not goldens.FOLDER.is_dir():
        parser.error(f"{goldens.FOLDER} is not a folder; pass --golden")
    code = pytest.main([str(ROOT / "tests"), "-m", "golden", "-q", f"--rootdir={ROOT}"])
    page = pathlib.Path(options.page)
    write(page, summary(goldens.COMPARISONS))
    files.write(page.with_suffix(".csv"), table(goldens.COMPARISONS))
    left = not_compared(goldens.FOLDER, goldens.COMPARISONS)
    for name in left:
        print(f"{name} was compared by no test", file=sys.stderr)
    print(f"{len(goldens.COMPARISONS)} comparisons in {page}", file=sys.stderr)
    return int(code) or int(bool(left))


def not_compared(folder: pathlib.Path, comparisons: list) -> list[str]:
    """Files without a comparison, a reason in `NOT_COMPARED`, or settings of others."""
    compared = {c.file for c in comparisons}
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    settings = {
        name
        for name in files
        if name.endswith("/meta.json") or name.removesuffix("json") + "npz" in compared
    }
    return sorted(files - compared - settings - set(NOT_COMPARED))


def table(comparisons: list) -> str:
    """All as CSV: one row for each kind of tensor in each file."""
    rows = collections.defaultdict(list)
    for comparison in comparisons:
        rows[comparison.file, comparison.what].append(comparison)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "what", "times", "largest deviation", "allowed", "test"])
    for (file, what), found in sorted(rows.items()):
        largest = max(found, key=lambda c: c.deviation)
        numbers = largest.deviation, max(c.tolerance for c in found)
        writer.writerow([file, what, len(found), *map(_number, numbers), largest.test])
    return text.getvalue()


def summary(comparisons: list) -> str:
    """What the page shows, as Markdown."""
    versions = ", ".join(f"{n} {metadata.version(n)}" for n in ("tensorflow", "keras"))
    compared = {c.file for c in comparisons}
    left = [f"- {n}: {why}" for n, why in NOT_COMPARED.items() if n not in compared]
    first = f"{len(comparisons)} comparisons, {versions}, on a CPU."
    lines = [first, "", *_summary(comparisons), "", "Not compared:", "", *left]
    return "\n".join(lines)


def _summary(comparisons: list) -> list[str]:
    """A row for each folder: its comparison that is nearest to its limit."""
    folders = collections.defaultdict(list)
    for comparison in comparisons:
        folders[comparison.file.split("/")[0]].append(comparison)
    head = ("folder", "comparisons", "nearest to its limit", "deviation", "allowed")
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for folder, found in sorted(folders.items()):
        near = max(found, key=lambda c: c.deviation / (c.tolerance or 1.0))
        what = f"{near.file.partition('/')[2]}: {near.what}"
        numbers = f"{_number(near.deviation)} | {_number(near.tolerance)}"
        lines.append(f"| {folder} | {len(found)} | {what} | {numbers} |")
    return lines


def write(page: pathlib.Path, text: str) -> None:
    """Puts `text` between the page's two markers; a `ValueError` if it has not both."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page} needs the lines {BEGIN} and {END}.")
    files.write(page, f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


def _number(value: float) -> str:
    return f"{value:.1e}" if value else "0"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
