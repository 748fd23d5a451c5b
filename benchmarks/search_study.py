r"""A search of 28,000 trials: its objective is a function, its workers are killed.

python benchmarks/search_study.py --storage=journal --trials=28000 --workers=4

Four workers share a study; every few seconds one of them is killed (kill -9, wherever
it is) and started again. Some cells fail once, some always; successive halving stops
two thirds early. At the end the study is compared with what the workers noted: each
told result is there, no cell is complete twice, what was lost is no more than was
killed and was tried again, and nothing waits or runs. Nothing is trained, so most of a
worker's time is spent in the study: a kill hits it there far more often than in a real
search.

Times of `ask` (mend, draw, write) with vizier's sampler: alone with 1,000 trials before
it and with all, and among the four workers. Through grpc the storage is a journal
behind `serve_storage`; postgresql is a private server on loopback, from Debian's
packages.
"""

import argparse
import collections
import csv
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import contextlib  # noqa: E402
import zlib  # noqa: E402

import measuring  # noqa: E402
import search_servers  # noqa: E402

from deeplab_dpc.search import samplers  # noqa: E402
from deeplab_dpc.search.config import SamplerConfig, SpaceConfig  # noqa: E402
from deeplab_dpc.search.space import Space  # noqa: E402
from deeplab_dpc.search.study import Strategy, Study, Terms, Trial  # noqa: E402
from deeplab_dpc.search.trials import Outcome, TrialRecord  # noqa: E402

NAME = "search_study"
STUDY = "simulated"
ALONE, TIMED_ASKS = 1000, 50
MAX_ATTEMPTS = 3
STEPS = 300  # Of a whole training; halving looks at a cell after 50.
FIELDS = (
    "storage",
    "trials",
    "workers",
    "kills",
    "lost",
    "repeated",
    "trials_per_s",
    "took_s",
    "open_s",
    "ask_1k_median_ms",
    "ask_1k_p95_ms",
    "ask_end_median_ms",
    "ask_end_p95_ms",
    "ask_busy_median_ms",
    "ask_busy_p95_ms",
    "worker_mb",
    "journal_mb",
    "cpus",
    "optuna",
    "commit",
)


def main() -> None:
    """Runs the search on one storage, checks it, and writes its row."""
    options = _options()
    if options.worker:
        work(options.url, options.trials, pathlib.Path(options.notes))
        return
    with tempfile.TemporaryDirectory() as folder:
        with _storage(options.storage, folder) as url:
            row = simulate(url, options, pathlib.Path(folder))
        row = {"storage": options.storage, **row, **_versions()}
        print(row, flush=True)
        if not options.dry_run:
            write(row)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--storage", choices=("journal", "grpc", "postgresql"), default="journal"
    )
    parser.add_argument("--trials", type=int, default=28_000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--kill_every_s", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dry_run", action="store_true", help="Write no row.")
    parser.add_argument("--worker", action="store_true", help="Of this program itself.")
    parser.add_argument("--url")
    parser.add_argument("--notes")
    return parser.parse_args()


@contextlib.contextmanager
def _storage(kind: str, folder: str):
    journal = str(pathlib.Path(folder, "study.journal"))
    if kind == "journal":
        yield journal
    elif kind == "grpc":
        with search_servers.grpc_server(journal) as server:
            yield server.url
    else:
        with search_servers.postgresql() as url:
            yield url


def open_study(url: str) -> Study:
    """The simulated study, with the paper's space and sampler."""
    space = Space.from_config(SpaceConfig())
    config = SamplerConfig(early_stopping="successive_halving")
    strategy = Strategy(
        samplers.make_sampler(config, space),
        samplers.make_pruner(config, STEPS),
        key=space.key,
    )
    terms = Terms(lease_s=60.0, max_attempts=MAX_ATTEMPTS)
    return Study.open(url, STUDY, {"objective": "a function"}, strategy, terms)


def objective(key: str) -> float:
    """A score in 0..1 that only depends on the cell."""
    return zlib.crc32(key.encode()) % 10_007 / 10_007


def early_score(key: str) -> float:
    """The score when halving looks at the cell: half of it is the last one."""
    return (objective(key) + objective(key + " early")) / 2


def train(study: Study, trial: Trial, key: str) -> str:
    """Ends a trial as its cell wants, and says how."""
    score = objective(key)
    kind = zlib.crc32(key[::-1].encode()) % 1000
    if kind == 0 or (kind < 10 and trial.attempt == 1):
        study.fail(trial, "this cell fails")
        return "failed"
    early = early_score(key)
    trial.report(STEPS // 6, early)
    if trial.should_stop():
        stopped = Outcome(score=early, multiply_adds=len(key), steps=STEPS // 6)
        study.stop(trial, stopped)
        return "stopped"
    trial.report(STEPS, score)
    study.tell(trial, Outcome(score=score, multiply_adds=len(key), steps=STEPS))
    return "complete"


def work(url: str, num_trials: int, notes: pathlib.Path) -> None:
    """A worker: asks until there is nothing left, and notes what it told."""
    study, space = open_study(url), Space.from_config(SpaceConfig())
    with notes.open("a", buffering=1) as file, study.keep_alive():
        while True:
            began_s = time.perf_counter()
            is_new = study.num_left(num_trials) > 0
            trial = study.ask() if is_new else study.ask_queued()
            ask_ms = 1e3 * (time.perf_counter() - began_s)
            if trial is not None:
                key = space.key(trial.genotype)
                state = train(study, trial, key)
                file.write(f"{trial.number} {state} {ask_ms:.2f} {_rss_mb():.0f}\n")
            elif study.is_idle():
                return
            else:
                time.sleep(0.05)


def simulate(
    url: str, options: argparse.Namespace, folder: pathlib.Path
) -> dict[str, object]:
    """Runs the whole search and returns its row."""
    num_alone = min(ALONE, options.trials // 4)
    study, space = open_study(url), Space.from_config(SpaceConfig())
    for _ in range(num_alone):
        trial = study.ask()
        train(study, trial, space.key(trial.genotype))
    early_ms = time_asks(study, space)
    began_s = time.perf_counter()
    kills, notes = run_workers(url, options, folder)
    took_s = time.perf_counter() - began_s
    check(study, notes, kills, options)
    began_s = time.perf_counter()
    study = open_study(url)
    open_s = time.perf_counter() - began_s
    late_ms = time_asks(study, space)
    busy_ms = [float(note[2]) for note in notes[-2000:]]
    counts = study.counts()
    journal = folder / "study.journal"
    return {
        "trials": options.trials,
        "workers": options.workers,
        "kills": kills,
        "lost": counts["lost"],
        "repeated": counts["repeated"],
        "trials_per_s": f"{(options.trials - num_alone) / took_s:.1f}",
        "took_s": f"{took_s:.0f}",
        "open_s": f"{open_s:.1f}",
        **_times("ask_1k", early_ms),
        **_times("ask_end", late_ms),
        **_times("ask_busy", busy_ms),
        "worker_mb": max(int(note[3]) for note in notes),
        "journal_mb": journal.stat().st_size >> 20 if journal.exists() else "",
    }


def time_asks(study: Study, space: Space) -> list[float]:
    """Times of `ask` in ms with nobody else at work."""
    times_ms = []
    for _ in range(TIMED_ASKS):
        began_s = time.perf_counter()
        trial = study.ask()
        times_ms.append(1e3 * (time.perf_counter() - began_s))
        train(study, trial, space.key(trial.genotype))
    return times_ms


def run_workers(
    url: str, options: argparse.Namespace, folder: pathlib.Path
) -> tuple[int, list[list[str]]]:
    """Runs and kills workers until all of them have found nothing left.

    Returns:
        The number of kills, and the workers' notes: number, state, time of the ask in
        ms, memory in MB.
    """
    command = [sys.executable, __file__, "--worker", f"--url={url}"]
    command += [f"--trials={options.trials}"]

    def notes(index: int) -> pathlib.Path:
        return folder / f"{index}.notes"

    def size(index: int) -> int:
        return notes(index).stat().st_size if notes(index).exists() else 0

    def start(index: int) -> subprocess.Popen:
        begins[index] = size(index)
        return subprocess.Popen([*command, f"--notes={notes(index)}"])

    def is_at_work(index: int) -> bool:
        return size(index) > begins[index] or rng.random() < 0.2

    begins: dict[int, int] = {}
    rng, kills = random.Random(options.seed), 0
    workers = [start(i) for i in range(options.workers)]
    next_s = time.monotonic() + rng.expovariate(1 / options.kill_every_s)
    while any(worker.poll() is None for worker in workers):
        failed = [w.returncode for w in workers if w.poll() not in (None, 0)]
        if failed:
            raise SystemExit(f"A worker ended with {failed[0]}.")
        time.sleep(0.01)
        if time.monotonic() > next_s:
            next_s = time.monotonic() + rng.expovariate(1 / options.kill_every_s)
            index = rng.randrange(options.workers)
            if workers[index].poll() is None and is_at_work(index):
                workers[index].kill()
                workers[index].wait()
                workers[index] = start(index)
                kills += 1
    texts = [path.read_text() for path in folder.glob("*.notes")]
    lines = [line for text in texts for line in text.split("\n")[:-1]]
    return kills, sorted((line.split() for line in lines), key=lambda n: int(n[0]))


def check(
    study: Study, notes: list[list[str]], kills: int, options: argparse.Namespace
) -> None:
    """Compares the study with the workers' notes; ends the program if they differ."""
    records = study.records()
    by_state = collections.Counter(r.state for r in records)
    print(dict(by_state), f"{kills} kills", flush=True)
    key = Space.from_config(SpaceConfig()).key
    trained = [r for r in records if r.state in ("complete", "stopped")]
    given_up = [r for r in records if is_given_up(r)]
    ended = {key(r.genotype) for r in trained + given_up}
    begun = {key(r.genotype) for r in records}
    excess = len(trained) + len(given_up) - options.trials
    problems = {
        "a told result is missing": [
            note for note in notes if records[int(note[0])].state != note[1]
        ],
        "a score is another": [
            r.number
            for r in trained
            for told in [objective if r.state == "complete" else early_score]
            if r.outcome.score != told(key(r.genotype))
        ],
        "a cell is complete twice": len(ended) < len(trained) + len(given_up),
        "a cell was lost": begun - ended,
        "something waits or runs": by_state["waiting"] + by_state["running"],
        "more was lost than killed": by_state["lost"] > kills,
        "too few or too many trials": not 0 <= excess < options.workers,
    }
    found = {name: what for name, what in problems.items() if what}
    if found:
        raise SystemExit(f"The study is not right: {found}")


def is_given_up(record: TrialRecord) -> bool:
    """Whether its cell failed, or was lost, as often as it may."""
    return record.state in ("lost", "failed") and record.attempt >= MAX_ATTEMPTS


def write(row: dict[str, object]) -> None:
    """Writes the row; those of other storages and sizes stay as they are."""
    path = measuring.RESULTS / f"{NAME}.csv"
    rows = list(csv.DictReader(path.open())) if path.exists() else []
    kept = {_case(r): r for r in [*rows, row]}
    measuring.write(NAME, [kept[case] for case in sorted(kept)], FIELDS)


def _case(row: dict[str, object]) -> tuple[str, int]:
    return str(row["storage"]), int(str(row["trials"]))


def _versions() -> dict[str, object]:
    machine = measuring.machine()
    versions = {name: machine[name] for name in ("cpus", "commit")}
    return {**versions, "optuna": measuring.metadata.version("optuna")}


def _times(name: str, times_ms: list[float]) -> dict[str, str]:
    p95 = sorted(times_ms)[min(len(times_ms) - 1, round(0.95 * len(times_ms)))]
    median = statistics.median(times_ms)
    return {f"{name}_median_ms": f"{median:.1f}", f"{name}_p95_ms": f"{p95:.1f}"}


def _rss_mb() -> float:
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
