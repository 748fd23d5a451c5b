"""What benchmarks/search_proof.py found, as Markdown for g3doc/search_proof.md.

python benchmarks/search_proof_summary.py
"""

import functools
import math
import os
import statistics
import sys
from collections.abc import Sequence

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from scipy import stats  # noqa: E402

from benchmarks.search_proof import (  # noqa: E402
    DRIVES,
    SAMPLERS,
    SEARCHED,
    SEARCHES,
    rows,
)
from deeplab_dpc.reports.search.confirmed import shown as shown_with  # noqa: E402
from deeplab_dpc.reports.search.tables import ScoreScale  # noqa: E402
from deeplab_dpc.search.confirmation import Interval  # noqa: E402

_shown = functools.partial(shown_with, scale=ScoreScale())


def summary() -> list[str]:
    """Markdown: the searches, the cells of the last stage, and the tested differences,
    in points, with 95 % intervals.
    """
    lines = [
        "| search | trials | whole | best score | found |",
        "|---|---|---|---|---|",
    ]
    for name in SEARCHES:
        made = rows("search", name)
        whole = [r for r in made if int(r["steps"]) == SEARCHED.proxy_steps]
        best = max((float(row["score"]) for row in whole), default=math.nan)
        found = next((r["cell"] for r in rows("final", name)), "")
        facts = f"{len(made)} | {len(whole)} | {100 * best:.2f} | `{found}`"
        lines.append(f"| {name} | {facts} |")
    if not rows("final"):
        return lines
    columns = ("score", "test", *DRIVES)
    lines += ["", f"| cell | {' | '.join(columns)} |", "|---" * 5 + "|"]
    for name in dict.fromkeys(row["name"] for row in rows("final")):
        shown = (_shown(Interval.of([*by_seed(name, c).values()])) for c in columns)
        lines.append(f"| {name} | {' | '.join(shown)} |")
    lines += ["", "| difference | test | 0001TP | Seq05VD |", "|---" * 4 + "|"]
    kinds = {kind: [n for n in SEARCHES if n.startswith(kind)] for kind in SAMPLERS}
    for group, names in {"all found": SEARCHES, **kinds}.items():
        for other in ("dpc_top1", "ASPP", "median random"):
            shown = (_shown(gain(names, other, c), sign="+") for c in columns[1:])
            lines.append(f"| {group} less {other} | {' | '.join(shown)} |")
    shown = (
        _shown(between(kinds["guided"], kinds["random"], c), sign="+")
        for c in columns[1:]
    )
    return [*lines, f"| guided less random, over searches | {' | '.join(shown)} |"]


def by_seed(name: str, column: str) -> dict[str, float]:
    """A cell's values in the last stage."""
    return {row["number"]: float(row[column]) for row in rows("final", name)}


def gain(names: Sequence[str], other: str, column: str) -> Interval:
    """How much more the cells have on average than another one, over paired seeds."""
    theirs, ours = by_seed(other, column), [by_seed(n, column) for n in names]
    seeds = [s for s in theirs if all(s in found for found in ours)]
    return Interval.of(
        [statistics.fmean(f[s] for f in ours) - theirs[s] for s in seeds]
    )


def between(ours: Sequence[str], theirs: Sequence[str], column: str) -> Interval:
    """The difference of two groups of searches, by their cells' means (Welch)."""
    groups = [
        [statistics.fmean(by_seed(n, column).values()) for n in g]
        for g in (ours, theirs)
    ]
    found = stats.ttest_ind(*groups, equal_var=False).confidence_interval(0.95)
    mean = statistics.fmean(groups[0]) - statistics.fmean(groups[1])
    return Interval(mean, float(found.high) - mean, len(ours) + len(theirs))


if __name__ == "__main__":
    print(*summary(), sep="\n")
