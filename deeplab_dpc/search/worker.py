"""A worker: takes cells from a study, has them trained, tells what they scored."""

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

from absl import logging

from deeplab_dpc.formatting import count, duration, is_ours
from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.search.samplers import SpaceExhausted
from deeplab_dpc.search.study import LostTrialError, Study, Trial
from deeplab_dpc.search.trials import Outcome, Watch
from deeplab_dpc.training.interruption import Stopped, StopSignals

Objective = Callable[[Sequence[Genotype], Watch], Sequence[Outcome | Exception]]
"""Trains some cells at once; gives each one's outcome, or what went wrong with it."""

_MOST_FAILURES = 5  # One after the other: then the worker itself is in trouble.


class WorkerError(ValueError):
    """A worker whose every trial fails."""


def objective_of(score: Callable[[Genotype], float]) -> Objective:
    """An objective from a plain function of one cell, for searches of one's own: what
    it gives is maximised, an exception fails that trial alone.
    """

    def outcome(genotype: Genotype) -> Outcome | Exception:
        began_s = time.monotonic()
        try:
            found = float(score(genotype))
        except Exception as e:  # Whatever a stranger's function raises.
            return e
        return Outcome(score=found, took_s=time.monotonic() - began_s)

    return lambda genotypes, watch: [outcome(genotype) for genotype in genotypes]


class Worker:
    """Works for a study until nothing is left to do, or a signal comes.

    Any number of workers may share a study. A signal (SIGTERM, Ctrl-C) gives the cells
    in training back, so that others train them, as does a full disk or a damaged file;
    a killed worker's are taken over when their lease ends. So many cells are trained
    `at_once`; `poll_s` seconds lie between two looks while others have the last cells.
    """

    def __init__(
        self, study: Study, objective: Objective, at_once: int = 1, poll_s: float = 5.0
    ):
        self._study, self._objective = study, objective
        self._at_once, self._poll_s = at_once, poll_s
        self._num_failures, self._is_exhausted = 0, False
        self._before = _num_ended(study)
        self._began_s = time.monotonic()

    def search(self, num_trials: int) -> None:
        """Begins new trials until the study has so many, and waits for the last. It
        ends earlier, with a word, when every cell of the space was tried. `Stopped`
        after a signal, `WorkerError` if one trial after the other failed.
        """
        self._work(lambda: self._ask(num_trials), num_trials)

    def finish_queue(self) -> None:
        """Trains what was queued, and waits for what others train of it."""
        counts = self._study.counts()
        self._work(self._study.ask_queued, sum(counts.values()) - counts["repeated"])

    def _ask(self, num_trials: int) -> Trial | None:
        if self._is_exhausted or not self._study.num_left(num_trials):
            return self._study.ask_queued()
        try:
            return self._study.ask()
        except SpaceExhausted as e:
            logging.warning("%s", e)
            self._is_exhausted = True
            return None

    def _work(self, ask: Callable[[], Trial | None], num_trials: int) -> None:
        waits = False
        with _Signals() as signals:
            while True:
                asked = iter(ask, None)  # Until there is none.
                trials = list(itertools.islice(asked, self._at_once))
                if trials:
                    waits = False
                    results = self._train(trials, signals)
                    logging.info("%s; %s", results, self._standing(num_trials))
                elif self._study.is_idle():
                    return
                else:
                    if not waits:
                        logging.info("Others have the last cells; waiting for them.")
                    waits = True
                    time.sleep(self._poll_s)
                signals.check()

    def _train(self, trials: list[Trial], signals: "_Signals") -> str:
        """Trains and tells; gives a few words on each trial."""
        stopped: set[int] = set()

        def watch(index: int, step: int, score: float) -> bool:
            trials[index].report(step, score)
            if trials[index].should_stop():
                stopped.add(index)
            return index in stopped

        cells = [trial.genotype for trial in trials]
        with self._study.keep_alive():
            try:
                with signals.raised():
                    outcomes = self._objective(cells, watch)
            except Exception as e:
                if isinstance(e, OSError) or is_ours(e):
                    for trial in trials:  # A signal, the disk, a file: no cell's fault.
                        self._study.give_back(trial)
                    raise
                logging.exception("Training failed.")  # It may be this cell's fault.
                outcomes = [e] * len(trials)
        return "; ".join(
            self._tell(trial, outcome, index in stopped)
            for index, (trial, outcome) in enumerate(zip(trials, outcomes, strict=True))
        )

    def _tell(self, trial: Trial, outcome: Outcome | Exception, stopped: bool) -> str:
        try:
            if isinstance(outcome, Outcome):
                self._num_failures = 0
                (self._study.stop if stopped else self._study.tell)(trial, outcome)
                how = f"{'stopped at ' if stopped else ''}{outcome.score:.4f}"
                return f"trial {trial.number}: {how} in {outcome.took_s:.0f} s"
            self._study.fail(trial, f"{type(outcome).__name__}: {outcome}")
        except LostTrialError as e:
            return str(e)
        self._num_failures += 1
        if self._num_failures == _MOST_FAILURES:
            raise WorkerError(
                f"{_MOST_FAILURES} trials failed one after the other, the last one "
                f"with {type(outcome).__name__}: {outcome} Mend it and start the "
                "worker again; failed trials are tried again."
            ) from outcome
        return f"trial {trial.number} failed: {outcome}"

    def _standing(self, num_trials: int) -> str:
        """The best so far, how far the study is, and how long it will take."""
        best = self._study.best(1)
        so_far = f"best {best[0].score:.4f} (trial {best[0].number}); " if best else ""
        ended = _num_ended(self._study)
        elapsed_s = max(time.monotonic() - self._began_s, 1e-9)
        rate = (ended - self._before) / elapsed_s
        left = duration(max(num_trials - ended, 0) / rate) if rate > 0 else "?"
        return (
            f"{so_far}{ended} of {count(num_trials, 'trial')}, {3600 * rate:.1f} an "
            f"hour by all workers, {left} left"
        )


def _num_ended(study: Study) -> int:
    counts = study.counts()
    return counts["complete"] + counts["stopped"]


class _Signals(StopSignals):
    """SIGTERM and Ctrl-C end a training at once, but never cut a write to the study."""

    def __init__(self) -> None:
        super().__init__()
        self._is_training = False

    @contextlib.contextmanager
    def raised(self) -> Iterator[None]:
        """A block that a signal leaves at once."""
        self.check()
        self._is_training = True
        try:
            yield
        finally:
            self._is_training = False

    def check(self) -> None:
        """Raises `Stopped` if a signal has come."""
        if self.received is not None:
            raise Stopped(
                self.received,
                f"Stopped by signal {self.received}; the cells in training were given "
                "back. The same command goes on.",
            )

    def _note(self, signum: int, frame: FrameType | None) -> None:
        super()._note(signum, frame)
        if self._is_training:
            self._is_training = False
            self.check()
