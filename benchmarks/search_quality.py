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
import collections
import dataclasses
import itertools
import math
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import time  # noqa: E402
import warnings  # noqa: E402
from collections.abc import Mapping, Sequence  # noqa: E402

import numpy as np  # noqa: E402
import optuna  # noqa: E402
from optuna.storages import InMemoryStorage  # noqa: E402

from benchmarks import camvid_features, measuring  # noqa: E402
from deeplab_dpc.genotypes import Genotype  # noqa: E402
from deeplab_dpc.search.config import SAMPLERS, SamplerConfig  # noqa: E402
from deeplab_dpc.search.proxy import Proxy  # noqa: E402
from deeplab_dpc.search.samplers import (  # noqa: E402
    directions,
    make_pruner,
    make_sampler,
)
from deeplab_dpc.search.space import Operator, Space  # noqa: E402
from deeplab_dpc.search.study import Strategy, Study  # noqa: E402
from deeplab_dpc.search.trials import Outcome  # noqa: E402

NAME = "search_quality"
PICTURE = pathlib.Path(__file__).parent.parent / "g3doc" / "img" / f"{NAME}.png"
STOPPING = ("none", "successive_halving", "hyperband", "median")
TABLE = measuring.RESULTS / "search_quality_table.csv"
SPACE = Space(
    2,
    (
        Operator("conv1x1"),
        *(Operator("conv3x3", pair) for pair in ((3, 3), (3, 18), (18, 3), (18, 18))),
        *(Operator("pyramid_pooling", (h, w)) for h in (1, 4) for w in (1, 4)),
    ),
)
SEEDS, NUM_REPEATED = 3, 30


def main() -> None:
    """Makes the table, or compares searches on it."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    table = commands.add_parser("table")
    camvid_features.add_arguments(table)
    table.add_argument("--part", default="0/1", help="This one's share of the cells.")
    comparing = commands.add_parser("compare")
    comparing.add_argument("--repeats", type=int, default=40, help="Of each search.")
    comparing.add_argument("--trials", type=int, default=60, help="Of one search.")
    options = parser.parse_args()
    if options.command == "table":
        make_table(options)
    else:
        compare(options.repeats, options.trials)


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
    camvid_features.use_one_thread()
    share, shares = map(int, options.part.split("/"))
    cache = camvid_features.write(options, "val", ("train", "val"))
    test = camvid_features.write(options, "test")
    todo = trainings()[share::shares]
    for number, (cell, seed) in enumerate(todo):
        if any(
            (r["cell"], r["seed"]) == (SPACE.key(cell), str(seed))
            for r in camvid_features.rows(TABLE)
        ):
            continue
        config = dataclasses.replace(camvid_features.PROXY, proxy_seed=seed)
        began_s = time.process_time()
        (outcome,) = Proxy(cache, config, test).train([cell])
        if isinstance(outcome, Exception):
            raise outcome
        row = {
            "cell": SPACE.key(cell),
            "seed": seed,
            **camvid_features.curve_cells(outcome),
            "val": f"{outcome.score:.4f}",
            "test": f"{outcome.test_score:.4f}",
            **camvid_features.cost_cells(outcome, began_s),
            "commit": measuring.machine()["commit"],
        }
        camvid_features.append(TABLE, row)
        print(f"{number + 1} of {len(todo)}: {row}", flush=True)


def compare(repeats: int, num_trials: int) -> None:
    """Writes regret against core-seconds, as rows and as a plot."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    table = collections.defaultdict(list)
    for row in camvid_features.rows(TABLE):
        table[row["cell"]].append(row)
    values = {k: np.mean([float(r["val"]) for r in rs]) for k, rs in table.items()}
    missing = [cell for cell in all_cells() if SPACE.key(cell) not in values]
    if missing:
        raise SystemExit(f"{len(missing)} of 126 cells are not trained; run `table`.")
    found, curves = [], {}
    for sampler, stopping in itertools.product(SAMPLERS, STOPPING):
        if (sampler, stopping) == ("nsga2", "none") or sampler != "nsga2":
            named = {"sampler": sampler, "early_stopping": stopping}
            configs = [SamplerConfig(**named, search_seed=s) for s in range(repeats)]
            searches = [search(table, values, c, num_trials) for c in configs]
            name = f"{sampler}, {stopping}"
            curves[name] = at_times(searches)
            found.append({"search": name, **summary(searches), **_versions()})
            print(found[-1], flush=True)
    measuring.write(NAME, found, tuple(found[0]))
    draw(curves)


def search(
    table: Mapping[str, Sequence[Mapping[str, str]]],
    values: Mapping[str, float],
    config: SamplerConfig,
    num_trials: int,
) -> list[tuple[float, float]]:
    """Core-seconds spent after each trial, and the regret of the best so far."""
    strategy = Strategy(
        make_sampler(config, SPACE, num_trials),
        make_pruner(config, camvid_features.PROXY.proxy_steps),
        directions(config),
        SPACE.key,
    )
    study = Study.open(InMemoryStorage(), "replay", {}, strategy)
    rng, spent_s, path = np.random.default_rng(config.search_seed), 0.0, []
    best, most = max(values.values()), -math.inf
    chosen = None
    for _ in range(num_trials):
        trial = study.ask()
        key = SPACE.key(trial.genotype)
        row = table[key][int(rng.integers(len(table[key])))]
        for step, score in camvid_features.curve_of(row).items():
            trial.report(step, score)
            is_last = step == camvid_features.PROXY.proxy_steps
            if not is_last and trial.should_stop():
                break
        spent_s += float(row["core_s"]) * step / camvid_features.PROXY.proxy_steps
        costs = int(row["multiply_adds"])
        outcome = Outcome(score=score, multiply_adds=costs, steps=step)
        (study.tell if is_last else study.stop)(trial, outcome)
        if is_last and score > most:
            most, chosen = score, key
        path.append((spent_s, best - values[chosen] if chosen else math.nan))
    return path


def summary(searches: list[list[tuple[float, float]]]) -> dict[str, object]:
    """Means over searches: core-seconds and regret, in points, at their ends; and the
    core-seconds after which the regret stayed within half a point.
    """
    ends = np.array([path[-1] for path in searches])
    reached = [
        next((t for t, regret in path if 100 * regret <= 0.5), math.inf)
        for path in searches
    ]
    regret = 100 * ends[:, 1]
    half = 1.96 * regret.std(ddof=1) / math.sqrt(len(regret))
    return {
        "searches": len(searches),
        "trials": len(searches[0]),
        "core_s": f"{ends[:, 0].mean():.0f}",
        "regret_points": f"{regret.mean():.2f}",
        "regret_half_width": f"{half:.2f}",
        "median_core_s_to_half_a_point": f"{np.median(reached):.0f}",
    }


def at_times(searches: list[list[tuple[float, float]]]) -> tuple[np.ndarray, ...]:
    """Core-seconds, and mean and half width of the regret in points at them."""
    times_s = np.linspace(0, max(path[-1][0] for path in searches), 200)[1:]
    regrets = []
    for path in searches:
        spent, regret = np.array(path).T
        places = np.searchsorted(spent, times_s, side="right") - 1
        regrets.append(np.where(places < 0, math.nan, 100 * regret[places]))
    # Before every search has a first cell there is no mean.
    mean = np.mean(regrets, axis=0)
    half = 1.96 * np.std(regrets, axis=0) / math.sqrt(len(searches))
    return times_s, mean, half


def draw(curves: Mapping[str, tuple[np.ndarray, ...]]) -> None:
    """Draws the curves: a panel for samplers, one for early stopping of two."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(11, 4), sharey=True)
    panels = {
        "samplers, no early stopping": lambda name: name.endswith(", none"),
        "early stopping": lambda name: name.startswith(("random", "predictor")),
    }
    for axis, (title, belongs) in zip(axes, panels.items()):
        for name, (times_s, mean, half) in curves.items():
            if belongs(name):
                (line,) = axis.plot(times_s, mean, label=name)
                color, edges = line.get_color(), (mean - half, mean + half)
                axis.fill_between(times_s, *edges, alpha=0.15, color=color)
        axis.set(title=title, xlabel="core-seconds", ylim=(0, 1.5))
        axis.legend(fontsize=7)
    axes[0].set_ylabel("regret in points of val mIoU")
    figure.tight_layout()
    figure.savefig(PICTURE, dpi=110)


def _versions() -> dict[str, object]:
    machine = measuring.machine()
    return {name: machine[name] for name in ("cpus", "commit")}


if __name__ == "__main__":
    main()
