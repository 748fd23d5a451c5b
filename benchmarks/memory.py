r"""Peak memory of training Xception-71, and of scoring a large image by windows.

python benchmarks/memory.py

Xception-71 with the published cell and a decoder makes two steps of one crop;
MobileNet-v2 with the cell and a decoder scores one image of 4000x6000, in windows. Each
case is a process of its own. `peak_mib` is the most it had resident, of which
`imports_mib` were there before the case began. Weights are random.
"""

import concurrent.futures
import dataclasses
import functools
import itertools
import multiprocessing
import os
import pathlib
import re
import sys
import tempfile
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import evaluation  # noqa: E402
import inference  # noqa: E402
import measuring  # noqa: E402
import training_levers  # noqa: E402

NAME = "memory"
FIELDS = ("benchmark", "case", "peak_mib", "imports_mib", *measuring.FIELDS[-4:])
CROPS, PRECISIONS = (513, 769), ("float32", "mixed_bfloat16")
SIZE, WINDOWS = (4000, 6000), (513, 1025)


def main() -> None:
    """Measures all cases; writes `results/memory.csv`."""
    cases: dict[str, Callable[[], object]] = {}
    for precision, crop in itertools.product(PRECISIONS, CROPS):
        run = functools.partial(train, crop, precision)
        cases[f"training, {crop}x{crop}, {precision}"] = run
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name, "records")
        evaluation.render(folder, SIZE, "png", 1)
        for side in WINDOWS:
            case = f"scoring {SIZE[0]}x{SIZE[1]}, windows of {side}x{side}"
            cases[case] = functools.partial(score, folder, side)
        measuring.write(NAME, [measured(*case) for case in cases.items()], FIELDS)


def measured(case: str, run: Callable[[], object]) -> dict[str, object]:
    """The row of a case, which runs in a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, spawn) as process:
        before, peak = process.submit(peak_mib, run).result()
    print(f"{case:40s} {peak:>6} MiB, {before} of them imports", flush=True)
    row = {"benchmark": NAME, "case": case, "peak_mib": peak, "imports_mib": before}
    return {**row, **measuring.machine()}


def peak_mib(run: Callable[[], object]) -> tuple[int, int]:
    """The most that this process ever had resident, before a call and after it."""
    before = _peak_mib()
    run()
    return before, _peak_mib()


def _peak_mib() -> int:
    status = pathlib.Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s*(\d+) kB", status)
    assert found, "No peak in /proc/self/status: this needs Linux."
    return int(found[1]) // 1024


def train(crop: int, precision: str) -> None:
    """Two steps of one crop."""
    model, _ = inference.MODELS["Xception-71 + DPC"]
    training_levers.training(2, 1, crop, model, precision=precision)()


def score(folder: pathlib.Path, side: int) -> None:
    """Scores the one image of a folder in windows of that side."""
    run = evaluation.made_up(folder, "mobilenet_v2", evaluation.SPLIT)
    seen = dataclasses.replace(run.config.eval, sliding_window=(side, side))
    run = dataclasses.replace(run, config=dataclasses.replace(run.config, eval=seen))
    run.evaluate(None, run.predictor())


if __name__ == "__main__":
    main()
