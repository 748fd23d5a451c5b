r"""Samplers and early stopping compared on a whole space of really trained cells.

python benchmarks/search_quality.py table --dataset_dir=records/camvid \
    --tf_initial_checkpoint=runs/context/none_0 --work_dir=quality
python benchmarks/search_quality.py compare

`table` trains every cell of a small space on CamVid's cached features: two branches of
nine operators, 126 cells up to order; 30 of them under three seeds. Each is a row: its
scores on the way, on val and on test, its multiply-adds and its core-seconds. Started
again it goes on where it stopped; several may share the work (`--part=0/2`).

`compare` then lets searches loose on the table: a sampler proposes, the table answers
with the cell's curve (one of its seeds at random), early stopping decides at the
curve's steps, and each training costs its core-seconds. Regret is the best cell's val
less that of the cell that the search would choose, means of the seeds where there are
three; its mean over `--repeats` searches stands against the core-seconds spent, with
its 95 % interval, as rows and as a plot. In so small a space all samplers see the best
cell soon: it tells how fast, and what early stopping costs, not how they fare among
4e11 cells.
"""

import argparse
import csv
import dataclasses
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import time  # noqa: E402
from collections.abc import Sequence  # noqa: E402

import measuring  # noqa: E402
import numpy as np  # noqa: E402

from deeplab_dpc.genotypes import Genotype  # noqa: E402
from deeplab_dpc.search.config import ProxyConfig  # noqa: E402
from deeplab_dpc.search.space import Operator, Space  # noqa: E402

TABLE = measuring.RESULTS / "search_quality_table.csv"
COLUMNS = (
    *("cell", "seed", "steps", "curve", "val", "test"),
    *("multiply_adds", "core_s", "commit"),
)
SPACE = Space(
    2,
    (
        Operator("conv1x1"),
        *(Operator("conv3x3", pair) for pair in ((3, 3), (3, 18), (18, 3), (18, 18))),
        *(Operator("pyramid_pooling", (h, w)) for h in (1, 4) for w in (1, 4)),
    ),
)
SEEDS, NUM_REPEATED = 3, 30
PROXY = ProxyConfig(
    proxy_steps=300,
    proxy_eval_steps=50,
    proxy_learning_rate=0.03,
    proxy_batch_norm_decay=0.98,
    proxy_label_stride=4,
    proxy_fast_math=True,
)
CROP, EVAL_CROP = (337, 337), (361, 481)  # On maps of 22x22 every rate is trained.


def main() -> None:
    """Makes the table, or compares searches on it."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    table = commands.add_parser("table")
    for name in ("dataset_dir", "tf_initial_checkpoint", "work_dir"):
        table.add_argument(f"--{name}", required=True)
    table.add_argument("--part", default="0/1", help="This one's share of the cells.")
    options = parser.parse_args()
    if options.command == "table":
        make_table(options)


def all_cells() -> list[Genotype]:
    """The cells of the space, each once, in an order drawn once."""
    by_key = {SPACE.key(cell): cell for cell in SPACE.all_cells()}
    cells = list(by_key.values())
    order = np.random.default_rng(0).permutation(len(cells))
    return [cells[i] for i in order]


def trainings() -> list[tuple[Genotype, int]]:
    """Cells and seeds: all cells under the first seed, some under more."""
    cells = all_cells()
    more = [(cell, s) for s in range(1, SEEDS) for cell in cells[:NUM_REPEATED]]
    return [(cell, 0) for cell in cells] + more


def make_table(options: argparse.Namespace) -> None:
    """Trains what is missing; each row is written at once."""
    import tensorflow as tf

    from deeplab_dpc import files
    from deeplab_dpc.search.proxy import Proxy

    for set_threads in (
        tf.config.threading.set_intra_op_parallelism_threads,
        tf.config.threading.set_inter_op_parallelism_threads,
    ):
        set_threads(1)
    share, shares = map(int, options.part.split("/"))
    caches = _caches(options)
    todo = trainings()[share::shares]
    for number, (cell, seed) in enumerate(todo):
        if any((r["cell"], r["seed"]) == (SPACE.key(cell), str(seed)) for r in rows()):
            continue
        config = dataclasses.replace(PROXY, proxy_seed=seed)
        began_s = time.process_time()
        (outcome,) = Proxy(caches[0], config, caches[1]).train([cell])
        if isinstance(outcome, Exception):
            raise outcome
        row = {
            "cell": SPACE.key(cell),
            "seed": seed,
            "steps": outcome.steps,
            "curve": " ".join(f"{step}:{score:.4f}" for step, score in outcome.scores),
            "val": f"{outcome.score:.4f}",
            "test": f"{outcome.test_score:.4f}",
            "multiply_adds": outcome.multiply_adds,
            "core_s": f"{time.process_time() - began_s:.1f}",
            "commit": measuring.machine()["commit"],
        }
        with files.locked(TABLE.with_suffix(".lock")):
            write_table([*rows(), row])
        print(f"{number + 1} of {len(todo)}: {row}", flush=True)


def _caches(options: argparse.Namespace) -> tuple:
    """Features of CamVid's train and val, and of its test images."""
    from deeplab_dpc.config import DataConfig, EvalConfig, ModelConfig, TrainConfig
    from deeplab_dpc.data.dataset_info import DatasetInfo
    from deeplab_dpc.search.cache import write_cache
    from deeplab_dpc.search.config import CacheConfig
    from deeplab_dpc.training.run_folder import RunConfig

    info = DatasetInfo.load(options.dataset_dir)
    model = ModelConfig(num_classes=info.num_classes, batch_norm_decay=0.99)
    train = TrainConfig(
        train_crop_size=CROP,
        max_scale_factor=1.25,
        tf_initial_checkpoint=options.tf_initial_checkpoint,
    )
    data = DataConfig(dataset_dir=options.dataset_dir)
    caches = []
    for split, parts in (("val", ("train", "val")), ("test", ("val",))):
        scored = EvalConfig(eval_split=split, eval_crop_size=EVAL_CROP)
        run = RunConfig(model, data, train, scored, info)
        folder = pathlib.Path(options.work_dir, split)
        caches.append(write_cache(folder, run, CacheConfig(num_views=3), parts))
    return tuple(caches)


def rows() -> list[dict[str, str]]:
    """The table as it is."""
    return list(csv.DictReader(TABLE.open())) if TABLE.exists() else []


def write_table(table: Sequence[dict[str, object]]) -> None:
    """Writes the table, whole or not at all."""
    from deeplab_dpc import files

    with files.atomically(TABLE) as path, path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)


if __name__ == "__main__":
    main()
