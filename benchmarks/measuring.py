"""Timing of alternatives side by side in one run, and the CSV rows they end in."""

import csv
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

from deeplab_dpc import files

_IS_LINUX = hasattr(os, "sched_getaffinity")
RESULTS = pathlib.Path(__file__).parent / "results"
FIELDS = (
    "benchmark",
    "case",
    "alternative",
    "median_ms",
    "p95_ms",
    "ratio_to_first",
    "repeats",
    "cpus",
    "tensorflow",
    "keras",
    "commit",
)

ALTERNATED = ("alternative", "wall_ms", "cpu_ms", "cpu_ratio", "lowest", "highest")
ALTERNATED += ("rounds", "load", *FIELDS[-4:])
"""Columns that `alternate` fills."""


def compare(
    benchmark: str,
    case: str,
    alternatives: dict[str, Callable[[], object]],
    repeats: int = 20,
    warm_up: int = 3,
) -> list[dict[str, object]]:
    """Times alternatives in turn, so that a busy machine slows all of them alike.

    Args:
        benchmark: Name of the program.
        case: What is computed.
        alternatives: Name and function; the first is what the others are divided by.
        repeats: Rounds that count.
        warm_up: Rounds before them that do not.

    Returns:
        A row for each alternative, also printed.
    """
    times_ms: dict[str, list[float]] = {name: [] for name in alternatives}
    for round_number in range(warm_up + repeats):
        for name, run in alternatives.items():
            began = time.perf_counter()
            run()
            if round_number >= warm_up:
                times_ms[name].append(1e3 * (time.perf_counter() - began))
    return rows_of(benchmark, case, times_ms)


def took_ms(run: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor milliseconds of a call in this process."""
    began, spent = time.perf_counter(), time.process_time()
    run()
    wall, cpu = time.perf_counter() - began, time.process_time() - spent
    return 1e3 * wall, 1e3 * cpu


def alternate(
    alternatives: Mapping[str, Any],
    rounds: int,
    warm_up: int = 2,
    took: Callable[[Any], tuple[float, float]] = took_ms,
) -> list[dict[str, object]]:
    """Wall and processor milliseconds of alternatives that run in turn, by what `took`
    tells of one.

    Processor time is what tells on a busy machine. Its ratio is to the first
    alternative's of the same round: the median, the lowest and the highest.
    """
    wall_ms: dict[str, list[float]] = {name: [] for name in alternatives}
    cpu_ms: dict[str, list[float]] = {name: [] for name in alternatives}
    for round_number in range(warm_up + rounds):
        for name, run in alternatives.items():
            wall, cpu = took(run)
            if round_number >= warm_up:
                wall_ms[name].append(wall)
                cpu_ms[name].append(cpu)
    first, rows = next(iter(cpu_ms.values())), []
    for name in alternatives:
        ratios = sorted(ms / one for ms, one in zip(cpu_ms[name], first, strict=True))
        row: dict[str, object] = {"alternative": name}
        row["wall_ms"] = f"{statistics.median(wall_ms[name]):.1f}"
        row["cpu_ms"] = f"{statistics.median(cpu_ms[name]):.1f}"
        row["cpu_ratio"] = f"{statistics.median(ratios):.3f}"
        row |= {"lowest": f"{ratios[0]:.3f}", "highest": f"{ratios[-1]:.3f}"}
        row |= {"rounds": rounds, "load": f"{os.getloadavg()[0]:.1f}"}
        rows.append({**row, **machine()})
    return rows


def rows_of(
    benchmark: str, case: str, times_ms: dict[str, list[float]]
) -> list[dict[str, object]]:
    """A row for each alternative's times, also printed; the first is the divisor."""
    first = statistics.median(next(iter(times_ms.values())))
    rows = [_row(benchmark, case, name, ms, first) for name, ms in times_ms.items()]
    for row in rows:
        print(
            f"{case:34s} {row['alternative']:24s} {row['median_ms']:>9} ms "
            f"{row['ratio_to_first']:>7} x",
            flush=True,
        )
    return rows


def write(
    name: str, rows: list[dict[str, object]], fields: tuple[str, ...] = FIELDS
) -> None:
    """Writes the rows to `results/<name>.csv`, whose columns are `fields`."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.csv"
    with files.atomically(path) as new, new.open("w", newline="") as file:
        writer = csv.DictWriter(file, fields)
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} rows in {path}", file=sys.stderr)


def _row(
    benchmark: str, case: str, name: str, times_ms: list[float], first_ms: float
) -> dict[str, object]:
    median = statistics.median(times_ms)
    p95 = sorted(times_ms)[min(len(times_ms) - 1, round(0.95 * len(times_ms)))]
    return {
        "benchmark": benchmark,
        "case": case,
        "alternative": name,
        "median_ms": f"{median:.2f}",
        "p95_ms": f"{p95:.2f}",
        "ratio_to_first": f"{median / first_ms:.2f}",
        "repeats": len(times_ms),
        **machine(),
    }


def children_s() -> float:
    """Processor seconds of all programs that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def machine() -> dict[str, object]:
    """What a row says of the machine and the code."""
    return {
        "cpus": len(os.sched_getaffinity(0)) if _IS_LINUX else os.cpu_count(),
        "tensorflow": metadata.version("tensorflow"),
        "keras": metadata.version("keras"),
        "commit": _commit(),
    }


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    folder = pathlib.Path(__file__).parent
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    return done.stdout.decode().strip() or "unknown"
