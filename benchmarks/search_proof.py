r"""Is a guided search's cell better than the published one? Trainings on CamVid.

python benchmarks/search_proof.py search --dataset_dir=records/camvid \
    --tf_initial_checkpoint=runs/context/none_0 --work_dir=proof
python benchmarks/search_proof.py finals ...the same flags...
python benchmarks/search_proof_summary.py

What is compared, and how, is written in g3doc/search_proof.md, and was before the first
training. `search` makes eight searches of 4,800 steps, two kinds with four seeds
each, and trains the best three of each again; `finals` trains the winners beside what
people chose. Each training is a row of results/search_proof.csv at once. What has a row
is not trained again: both may be stopped at any point, and a search goes on from its
rows, on any machine.
"""

import argparse
import dataclasses
import json
import os
import statistics
import sys
import time
from collections.abc import Mapping, Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import numpy as np  # noqa: E402
import optuna  # noqa: E402
from optuna.storages import InMemoryStorage  # noqa: E402

from benchmarks import camvid_features, measuring  # noqa: E402
from deeplab_dpc.evaluation import confusion  # noqa: E402
from deeplab_dpc.genotypes import DPC_TOP1, Genotype  # noqa: E402
from deeplab_dpc.search.cache import Cache  # noqa: E402
from deeplab_dpc.search.config import (  # noqa: E402
    ProxyConfig,
    SamplerConfig,
    SpaceConfig,
)
from deeplab_dpc.search.context_modules import CostLimit  # noqa: E402
from deeplab_dpc.search.proxy import Proxy  # noqa: E402
from deeplab_dpc.search.proxy.head import Scoring  # noqa: E402
from deeplab_dpc.search.proxy.proxy import validation_batches  # noqa: E402
from deeplab_dpc.search.samplers import make_pruner, make_sampler  # noqa: E402
from deeplab_dpc.search.space import Space  # noqa: E402
from deeplab_dpc.search.study import Strategy, Study, Trial  # noqa: E402
from deeplab_dpc.search.trials import Outcome  # noqa: E402

TABLE = measuring.RESULTS / "search_proof.csv"
SAMPLERS = {"random": "random", "guided": "predictor"}
SEARCHES = [f"{kind} {seed}" for seed in range(4) for kind in SAMPLERS]
# Not in bfloat16, which some machines compute ten times as slowly.
PROXY = dataclasses.replace(camvid_features.PROXY, proxy_fast_math=False)
SEARCHED = dataclasses.replace(PROXY, proxy_steps=150)  # How a search trains a cell.
STEPS = 4800  # Of a search; the training that passes it is finished.
TOP, AGAIN = 3, (11, 12)  # How many of a search are trained again, and their seeds.
NUM_RANDOM = 12  # Cells of no search, for the median one.
FINAL_SEEDS = range(100, 110)
# Test images are scored eight at once, in the order of the records: two eights of the
# drive 0001TP, then Seq05VD.
DRIVES = {"0001TP": slice(0, 2), "Seq05VD": slice(2, None)}

Row = Mapping[str, str]


def main() -> None:
    """Trains what is missing of a stage, or sums up."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    for command in ("search", "finals"):
        camvid_features.add_arguments(commands.add_parser(command))
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    camvid_features.use_one_thread()
    trainings = Trainings(options)
    if options.command == "finals":
        trainings.make("final", finalists(), FINAL_SEEDS)
        return
    trainings.make("random", trainings.random_cells(), [0])
    for name in SEARCHES:
        trainings.search(name)
        best = {f"{name}, trial {n}": cell for n, cell in best_of(name).items()}
        trainings.make("again", best, AGAIN)


class ProxyByDrive(Proxy):
    """A proxy that keeps mIoU on the test images of each drive, too."""

    def __init__(self, cache: Cache, config: ProxyConfig, test: Cache | None):
        super().__init__(cache, config, test)
        self.by_drive: dict[str, float] = {}

    def _scores(self, scoring: Scoring, cache: Cache) -> list[float]:
        if cache is self.test:
            counts = [scoring(*batch)[0] for batch in validation_batches(cache)]
            for drive, part in DRIVES.items():
                self.by_drive[drive] = confusion.mean_iou(sum(counts[part]))
            return [confusion.mean_iou(sum(counts))]
        return super()._scores(scoring, cache)


class Trainings:
    """Trains cells on CamVid's features; each training becomes a row."""

    def __init__(self, options: argparse.Namespace):
        self._searched = camvid_features.write(options, "val[:50%]", ("train", "val"))
        self._checked = camvid_features.write(options, "val[:50%]", ("train", "val"))
        self._checked.val = camvid_features.write(options, "val[50%:]").val
        self._test = camvid_features.write(options, "test")
        limit = CostLimit.of("top1", self._searched.features)
        everything = Space.from_config(SpaceConfig(num_branches=5))
        self._space = dataclasses.replace(everything, allows=limit.allows)

    def search(self, name: str) -> None:
        """A search of `SEARCHES`, from where its rows end: their cells are asked for
        again, in the same order, and told what the rows say.
        """
        kind, seed = name.split()
        study = self._study(kind, int(seed))
        known, made = rows("search", name), 0
        while made < STEPS:
            trial = study.ask()
            if trial.number < len(known):
                outcome = _replayed(trial, known[trial.number])
            else:
                outcome = self._train("search", name, trial.genotype, int(seed), trial)
            made += outcome.steps
            is_whole = outcome.steps == SEARCHED.proxy_steps
            (study.tell if is_whole else study.stop)(trial, outcome)

    def _study(self, kind: str, seed: int) -> Study:
        config = SamplerConfig(
            sampler=SAMPLERS[kind],
            search_seed=seed,
            early_stopping="successive_halving",
            early_stopping_min_steps=50,
            num_startup_trials=12,
        )
        strategy = Strategy(
            make_sampler(config, self._space),
            make_pruner(config, SEARCHED.proxy_steps),
            key=self._space.key,
        )
        return Study.open(InMemoryStorage(), kind, {}, strategy)

    def random_cells(self) -> dict[str, Genotype]:
        """Cells of no search, within the same limit."""
        rng = np.random.default_rng(12345)
        return {f"random cell {i}": self._space.sample(rng) for i in range(NUM_RANDOM)}

    def make(
        self, stage: str, cells: Mapping[str, Genotype | None], seeds: Sequence[int]
    ) -> None:
        """Trains each cell under each seed, but for those that have rows."""
        known = {(row["name"], row["number"]) for row in rows(stage)}
        for seed in seeds:
            for name, cell in cells.items():
                if (name, str(seed)) not in known:
                    self._train(stage, name, cell, seed)

    def _train(
        self,
        stage: str,
        name: str,
        cell: Genotype | None,
        seed: int,
        trial: Trial | None = None,
    ) -> Outcome:
        def watch(index: int, step: int, score: float) -> bool:
            assert trial is not None
            trial.report(step, score)
            return trial.should_stop()

        began_s = time.process_time()
        searched = stage in ("search", "random")
        cache = self._searched if searched else self._checked
        config = SEARCHED if stage == "search" else PROXY
        config = dataclasses.replace(config, proxy_seed=seed)
        proxy = ProxyByDrive(cache, config, self._test if stage == "final" else None)
        (outcome,) = proxy.train([cell], watch if trial else None)
        if isinstance(outcome, Exception):
            raise outcome
        row = {
            "stage": stage,
            "name": name,
            "number": str(trial.number if trial else seed),  # Else the seed.
            "cell": self._space.key(cell) if cell else "ASPP",
            **camvid_features.curve_cells(outcome),
            "score": f"{outcome.score:.4f}",
            "test": "" if outcome.test_score is None else f"{outcome.test_score:.4f}",
            **{d: f"{proxy.by_drive[d]:.4f}" if proxy.by_drive else "" for d in DRIVES},
            **camvid_features.cost_cells(outcome, began_s),
            "genotype": json.dumps(cell.to_list()) if cell else "",
            "commit": str(measuring.machine()["commit"]),
        }
        camvid_features.append(TABLE, row)
        print({k: v for k, v in row.items() if k != "genotype"}, flush=True)
        return outcome


def _replayed(trial: Trial, row: Row) -> Outcome:
    """What a row says of the trial, reported anew."""
    if Genotype.from_list(json.loads(row["genotype"])) != trial.genotype:
        raise SystemExit(
            f"{TABLE}: trial {row['number']} of {row['name']} has another cell than "
            "this version of the sampler proposes; go on with the row's commit "
            f"({row['commit']})."
        )
    for step, score in camvid_features.curve_of(row).items():
        trial.report(step, score)
        trial.should_stop()
    return Outcome(
        score=float(row["score"]),
        steps=int(row["steps"]),
        multiply_adds=int(row["multiply_adds"]),
    )


def rows(stage: str, name: str | None = None) -> list[dict[str, str]]:
    """The rows of a stage, or of one name of it, in their order."""
    found = [row for row in camvid_features.rows(TABLE) if row["stage"] == stage]
    return [row for row in found if name in (None, row["name"])]


def best_of(search: str) -> dict[str, Genotype]:
    """A search's best whole trainings, by the trial's number."""
    trials = rows("search", search)
    whole = [row for row in trials if int(row["steps"]) == SEARCHED.proxy_steps]
    whole.sort(key=lambda row: -float(row["score"]))
    return {row["number"]: _cell(row) for row in whole[:TOP]}


def finalists() -> dict[str, Genotype | None]:
    """Each search's winner by its mean over the seeds on images that the search has not
    seen; the published cell, ASPP, and the random cell that is sixth of twelve.
    """
    found: dict[str, Genotype | None] = {"dpc_top1": DPC_TOP1, "ASPP": None}
    drawn = sorted(rows("random"), key=lambda row: -float(row["score"]))
    found["median random"] = _cell(drawn[NUM_RANDOM // 2 - 1])
    for search in SEARCHES:
        names = [f"{search}, trial {n}" for n in best_of(search)]
        winner = max(names, key=lambda name: _mean("again", name))
        found[search] = _cell(rows("again", winner)[0])
    return found


def _mean(stage: str, name: str) -> float:
    return statistics.fmean(float(row["score"]) for row in rows(stage, name))


def _cell(row: Row) -> Genotype:
    return Genotype.from_list(json.loads(row["genotype"]))


if __name__ == "__main__":
    main()
