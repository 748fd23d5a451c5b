r"""What a change costs: this commit against an earlier one, both run in turn.

python benchmarks/against.py COMMIT [programs conversion input_pipeline search ...]

`programs` are the quick start's commands, as a user types them. Every other name is a
benchmark of this folder, run by both commits as it stood there; its rows are compared.
What is not committed does not count: both commits are checked out beside each other.
"""

import csv
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import measuring  # noqa: E402

from deeplab_dpc.programs import quickstart  # noqa: E402

ROOT = pathlib.Path(__file__).parent.parent
NAMES = ("programs", "conversion", "input_pipeline", "search")
FIELDS = (
    "benchmark",
    "case",
    "measure",
    "ratio",
    "lowest",
    "highest",
    "rounds",
    "before",
    "cpus",
    "tensorflow",
    "keras",
    "commit",
)
ROUNDS, STEPS, IMAGES = 3, 20, 240
Values = dict[tuple[str, str], float]  # Case and what is measured of it.


def main(commit: str, *names: str) -> None:
    """Runs all or the named comparisons; writes `results/against.csv`."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        trees = [
            _check_out(pathlib.Path(folder, name), revision)
            for name, revision in (("before", commit), ("after", "HEAD"))
        ]
        try:
            for name in names or NAMES:
                rows += compare(name, trees, commit)
        finally:
            for tree in trees:
                _git("worktree", "remove", "--force", str(tree))
    measuring.write("against", rows, FIELDS)


def compare(
    name: str, trees: list[pathlib.Path], commit: str
) -> list[dict[str, object]]:
    """The ratios after / before of all that a comparison measures."""
    run: Callable[[list[pathlib.Path]], list[Values]] = _programs
    if name != "programs":
        run = lambda pair: [_benchmark(name, tree) for tree in pair]  # noqa: E731
    ratios: dict[tuple[str, str], list[float]] = {}
    for round_number in range(ROUNDS):
        order = 1 if round_number % 2 == 0 else -1
        before, after = run(trees[::order])[::order]
        for key in before.keys() & after.keys():
            ratios.setdefault(key, []).append(after[key] / before[key])
        lost = before.keys() ^ after.keys()
        print(f"{name}, round {round_number + 1} of {ROUNDS}; not in both: {lost}")
    return [_row(name, key, values, commit) for key, values in sorted(ratios.items())]


def _row(
    name: str, key: tuple[str, str], ratios: list[float], commit: str
) -> dict[str, object]:
    row = {
        "benchmark": name,
        **dict(zip(("case", "measure"), key)),
        "ratio": f"{statistics.median(ratios):.3f}",
        "lowest": f"{min(ratios):.3f}",
        "highest": f"{max(ratios):.3f}",
        "rounds": len(ratios),
        "before": commit,
        **measuring.machine(),
    }
    print(f"{name:15s} {key[0]:60s} {key[1]:7s} {row['ratio']} x", flush=True)
    return row


def _programs(trees: list[pathlib.Path]) -> list[Values]:
    """Seconds of the quick start's commands, each by both commits, then the next."""
    values: list[Values] = [{} for _ in trees]
    with tempfile.TemporaryDirectory() as folder:
        todo = [
            quickstart.commands(pathlib.Path(folder, tree.name), STEPS, IMAGES)
            for tree in trees
        ]
        for commands in zip(*todo):
            for tree, found, (title, command) in zip(trees, values, commands):
                if title == "Draw":
                    command = [part for part in command if "max_number" not in part]
                wall_s, cpu_s = _timed([sys.executable, *command], tree)
                found |= {(title, "wall"): wall_s, (title, "CPU"): cpu_s}
    return values


def _benchmark(name: str, tree: pathlib.Path) -> Values:
    """The medians that a commit's own benchmark writes, and the whole's seconds."""
    wall_s, cpu_s = _timed([sys.executable, f"benchmarks/{name}.py"], tree)
    values = {("everything", "wall"): wall_s, ("everything", "CPU"): cpu_s}
    with (tree / f"benchmarks/results/{name}.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            case = f"{row['case']}, {row['alternative']}"
            values[case, "wall"] = float(row["median_ms"])
    return values


def _timed(command: list[str], tree: pathlib.Path) -> tuple[float, float]:
    """Seconds and CPU seconds of a command, which a checked out commit runs."""
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    began_s, spent_s = time.monotonic(), measuring.children_s()
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True)
    if done.returncode:
        sys.exit(f"{command} in {tree}:\n{done.stderr.decode(errors='replace')}")
    return time.monotonic() - began_s, measuring.children_s() - spent_s


def _check_out(tree: pathlib.Path, revision: str) -> pathlib.Path:
    _git("worktree", "add", "--detach", str(tree), revision)
    return tree


def _git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
