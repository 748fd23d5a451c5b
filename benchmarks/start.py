r"""What a program's --help and the refusal of a wrong flag take, whole processes.

python benchmarks/start.py

All programs in turn, round after round; beside them what importing TensorFlow and Keras
takes, which no help waits for. Processor time is the process's: little disturbs it.
Wall time is what an idle machine would show.
"""

import os
import statistics
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

import measuring  # noqa: E402

from deeplab_dpc.programs.convert.main import DATASETS  # noqa: E402
from deeplab_dpc.programs.main import COMMANDS  # noqa: E402
from deeplab_dpc.programs.search.main import COMMANDS as STEPS  # noqa: E402

NAME = "start"
ROUNDS = 5
FIELDS = ("benchmark", "case", "alternative", "wall_ms", "cpu_ms", "rounds")
FIELDS += ("cpus", "tensorflow", "keras", "commit")
PROGRAM = ("-m", "deeplab_dpc.programs.main")
WORDS = (
    *COMMANDS,
    *(f"convert {d}" for d in DATASETS),
    *(f"search {s}" for s in STEPS),
)
CASES = {
    **{(words, "--help"): (*PROGRAM, *words.split(), "--help") for words in WORDS},
    ("train", "a wrong flag"): (*PROGRAM, "train", "--no_such_flag"),
    ("tensorflow and keras", "import"): ("-c", "import tensorflow, keras"),
}


def main() -> None:
    """Runs all cases and writes `results/start.csv`."""
    times_ms: dict[tuple[str, str], list[tuple[float, float]]] = {c: [] for c in CASES}
    for _ in range(ROUNDS):
        for case, arguments in CASES.items():
            times_ms[case].append(_took_ms(arguments))
    rows = []
    for (program, what), taken in times_ms.items():
        wall, cpu = (f"{statistics.median(t):.0f}" for t in zip(*taken, strict=True))
        row = {"benchmark": NAME, "case": program, "alternative": what}
        row |= {"wall_ms": wall, "cpu_ms": cpu, "rounds": ROUNDS}
        rows.append({**row, **measuring.machine()})
        print(f"{program:22s} {what:14s} {wall:>7} ms, {cpu:>7} ms of processor time")
    measuring.write(NAME, rows, FIELDS)


def _took_ms(arguments: tuple[str, ...]) -> tuple[float, float]:
    """Wall and processor time of a process."""
    before, began_s = measuring.children_s(), time.perf_counter()
    command = [sys.executable, *arguments]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    return 1e3 * (time.perf_counter() - began_s), 1e3 * (
        measuring.children_s() - before
    )


if __name__ == "__main__":
    main()
