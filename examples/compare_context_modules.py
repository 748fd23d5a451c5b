r"""Trains a cell, ASPP and no context module with one budget, and compares them.

python examples/compare_context_modules.py --dataset_dir=records/camvid \
    --tf_initial_checkpoint=mobilenet_v2_imagenet.npz --output_dir=runs/context

Runs `train.py` and `eval.py` once for each module and seed (about 6 minutes each on
two CPU cores) with camvid_mobilenet_v2_context.flags, seed by seed, so that
what is there after an interruption can be compared. Started again, it goes on where it
stopped.
Writes `scores.csv` and prints mean and spread over the seeds.
"""

import csv
import json
import pathlib
import statistics
import subprocess
import sys
from collections.abc import Iterator

from absl import app, flags

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))

from deeplab_dpc import files  # noqa: E402
from deeplab_dpc.costs import measure  # noqa: E402
from deeplab_dpc.training.run_folder import RunConfig  # noqa: E402

FLAGFILE = "camvid_mobilenet_v2_context.flags"
MODULES = {
    "dpc": ["--dense_prediction_cell_json=top1"],
    "aspp": ["--atrous_rates=6", "--atrous_rates=12", "--atrous_rates=18"],
    "none": ["--noaspp_with_batch_norm"],
}
SPLITS = ("val", "test")
COLUMNS = ("module", "seed", *SPLITS, "parameters", "multiply_adds", "steps")

_DATA = flags.DEFINE_string("dataset_dir", None, "Records of CamVid.", required=True)
_WEIGHTS = flags.DEFINE_string(
    "tf_initial_checkpoint", None, "ImageNet weights of MobileNet-v2.", required=True
)
_OUTPUT = flags.DEFINE_string("output_dir", None, "Folder of the runs.", required=True)
_SEEDS = flags.DEFINE_integer("seeds", 3, "Runs of each module.", lower_bound=1)
_STEPS = flags.DEFINE_integer(
    "steps", None, "Steps of a run; by default the flagfile's.", lower_bound=1
)


def main(argv: list[str]) -> None:
    """Trains and scores what is missing, then compares what is there."""
    if len(argv) > 1:
        raise app.UsageError(f"Unexpected arguments: {argv[1:]}")
    output = pathlib.Path(_OUTPUT.value)
    runs = [(m, seed) for seed in range(_SEEDS.value) for m in MODULES]
    rows = []
    for number, (module, seed) in enumerate(runs, start=1):
        print(f"Run {number} of {len(runs)}: {module}, seed {seed}.", flush=True)
        rows.append(_run(module, seed, output / f"{module}_{seed}"))
        _write(output / "scores.csv", rows)
        print("\n".join(_table(rows)), flush=True)


def _run(module: str, seed: int, folder: pathlib.Path) -> dict[str, object]:
    steps = [f"--training_number_of_steps={_STEPS.value}"] if _STEPS.value else []
    data = f"--dataset_dir={_DATA.value}"
    _program(
        "train.py",
        f"--flagfile={FLAGFILE}",
        data,
        f"--train_logdir={folder}",
        f"--tf_initial_checkpoint={_WEIGHTS.value}",
        f"--seed={seed}",
        *MODULES[module],
        *steps,
    )
    for split in SPLITS:
        if not (folder / "eval" / f"{split}.json").is_file():
            _program("eval.py", f"--checkpoint_dir={folder}", f"--eval_split={split}")
    scores = {
        s: json.loads((folder / "eval" / f"{s}.json").read_text()) for s in SPLITS
    }
    run = RunConfig.load(folder)
    costs = measure(run.model, run.eval.eval_crop_size).tree()
    return {
        "module": module,
        "seed": seed,
        **{split: 100 * scores[split]["miou"] for split in SPLITS},
        "parameters": costs.parameters,
        "multiply_adds": costs.multiply_adds,
        "steps": scores["val"]["step"],
    }


def _program(name: str, *arguments: str) -> None:
    """Runs a program of the project; its failure ends ours."""
    done = subprocess.run([sys.executable, ROOT / name, *arguments], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def _table(rows: list[dict[str, object]]) -> Iterator[str]:
    """Mean and standard deviation over the seeds, as rows of a Markdown table."""
    yield "| module | seeds | val mIoU | test mIoU | parameters | multiply-adds |"
    yield "|---|---|---|---|---|---|"
    for module in MODULES:
        mine = [row for row in rows if row["module"] == module]
        if mine:
            scores = (_spread([float(str(r[split])) for r in mine]) for split in SPLITS)
            costs = f"{mine[0]['parameters']:,} | {mine[0]['multiply_adds']:,}"
            yield f"| {module} | {len(mine)} | {' | '.join(scores)} | {costs} |"


def _spread(values: list[float]) -> str:
    mean = f"{statistics.mean(values):.2f}"
    return f"{mean} ± {statistics.stdev(values):.2f}" if len(values) > 1 else mean


def _write(path: pathlib.Path, rows: list[dict[str, object]]) -> None:
    with files.atomically(path) as new, new.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    app.run(main)
