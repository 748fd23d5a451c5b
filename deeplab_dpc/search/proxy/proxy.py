"""Trains and scores candidates on cached features, several at once."""

import dataclasses
import functools
import gc
import math
import re
import time
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf
from absl import logging

from deeplab_dpc.evaluation import confusion
from deeplab_dpc.formatting import count
from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.layers.precision import computes_bfloat16
from deeplab_dpc.search.cache import Cache, CacheError
from deeplab_dpc.search.config import ProxyConfig
from deeplab_dpc.search.proxy.head import CandidateError, Head, Scoring, Step
from deeplab_dpc.search.trials import Outcome, Watch

_LOSS_POINTS = 100  # Of a curve.
_EVALUATED_AT_ONCE = 8  # Validation images of one batch.


class Proxy:
    """The proxy task of the paper's search (Sec. 3.3): a head on a frozen backbone.

    What is trained and how is `ProxyConfig`'s. The same seed and genotype give the
    same score: bit for bit on a CPU with as many candidates at once, and to rounding
    with more or fewer. With a `test` cache of the same backbone each is scored on its
    validation images, too, when it is trained.
    """

    def __init__(self, cache: Cache, config: ProxyConfig, test: Cache | None = None):
        self.cache, self.config, self.test = cache, config, test
        if config.proxy_fast_math and not computes_bfloat16():
            logging.warning(
                "This machine has no instructions for bfloat16: with --proxy_fast_math "
                "a training took 2.2 times as long on such a one. Leave it out."
            )
        self._batches = training_batches(
            cache, config.proxy_batch_size, config.proxy_steps, config.proxy_seed
        )

    def train(
        self,
        candidates: Sequence[Genotype | None],
        watch: Watch | None = None,
        seeds: Sequence[int] | None = None,
    ) -> list[Outcome | CandidateError]:
        """Trains candidates (cells, or None for ASPP) on the same batches at once, and
        scores them; gives what became of each, in order.

        Every `proxy_eval_steps`, but not at the end, `watch` gets a candidate's index,
        the steps made and its score; True stops that candidate, whose outcome then has
        fewer steps. Each seed is that of a candidate's first weights and dropout; by
        default all have `proxy_seed`. Where the loss of one is not a number it is an
        error; the others go on. `CacheError` if no validation pixel has a label, or a
        shard is damaged.
        """
        seeds = seeds or [self.config.proxy_seed] * len(candidates)
        pairs = enumerate(zip(candidates, seeds, strict=True))
        runs = [
            _Run(index, Head(genotype, self.cache, self.config, seed))
            for index, (genotype, seed) in pairs
        ]
        try:
            self._train(runs, watch)
            return [run.result() for run in runs]
        except tf.errors.OpError as e:  # Of a batch: TensorFlow wraps what reads it.
            if match := re.search(r"CacheError: (.+)", e.message):
                raise CacheError(match[1]) from e
            raise
        finally:
            runs.clear()
            gc.collect()  # Graphs and their functions refer to each other.

    def _train(self, runs: Sequence["_Run"], watch: Watch | None) -> None:
        """Trains until each candidate has failed, was stopped or is done."""
        config, every, made = self.config, self.config.proxy_eval_steps, 0
        total = config.proxy_steps
        intervals = [i for i in (-(-total // _LOSS_POINTS), every, total) if i]
        batches: Iterator[tuple[tf.Tensor, tf.Tensor]] = iter(self._batches)
        live: list[_Run] = []
        while going := [run for run in runs if run.goes_on(total)]:
            if len(going) != len(live):
                live, heads = going, [run.head for run in going]
                step = Step(heads, self.cache, config)
                scoring = Scoring(heads, self.cache)
            began, first = time.perf_counter(), made
            made = min(made - made % interval + interval for interval in intervals)
            losses = [step(*next(batches), number) for number in range(first, made)]
            means = tf.reduce_mean(tf.stack(losses), axis=0).numpy()
            for run, loss in zip(live, means):
                run.note_loss(made, float(loss))
            is_due = every > 0 and made % every == 0
            if made == total or is_due:
                for run, score in zip(live, self._scores(scoring, self.cache)):
                    run.note_score(made, score)
            if made == total and self.test:
                held_out = Scoring(heads, self.test)
                for run, score in zip(live, self._scores(held_out, self.test)):
                    run.test_score = score
            took_s = (time.perf_counter() - began) / len(live)
            for run in live:
                run.took_s += took_s
                if watch and is_due and made < total and not run.error:
                    run.is_stopped = watch(run.index, *run.scores[-1])

    def _scores(self, scoring: Scoring, cache: Cache) -> list[float]:
        """mIoU of each candidate, nan where its logits are not finite."""
        counts = sum(scoring(*batch) for batch in validation_batches(cache))
        if not np.any(counts):
            raise CacheError(
                f"{cache.folder}: no pixel of the validation images has a label, so "
                "there is nothing to score. Write a cache of another split: search.py "
                "cache --eval_split=..."
            )
        found = np.asarray(counts)
        return [confusion.mean_iou(c) if c.min() >= 0 else math.nan for c in found]


@dataclasses.dataclass
class _Run:
    index: int
    head: Head
    steps: int = 0
    took_s: float = 0.0
    losses: list[tuple[int, float]] = dataclasses.field(default_factory=list)
    scores: list[tuple[int, float]] = dataclasses.field(default_factory=list)
    test_score: float | None = None
    error: str = ""
    is_stopped: bool = False

    def goes_on(self, total: int) -> bool:
        return not (self.error or self.is_stopped or self.steps >= total)

    def note_loss(self, step: int, loss: float) -> None:
        self.steps = step
        self.losses.append((step, loss))
        self._check(loss, f"its loss is {loss}, or its gradients are not finite")

    def note_score(self, step: int, score: float) -> None:
        self.scores.append((step, score))
        self._check(score, "its logits are not finite")

    def _check(self, value: float, reason: str) -> None:
        if not self.error and not math.isfinite(value):
            self.error = (
                f"After {count(self.steps, 'step')} {reason}. Lower "
                "--proxy_learning_rate if more cells fail like this."
            )

    def result(self) -> Outcome | CandidateError:
        if self.error:
            return CandidateError(self.error)
        return Outcome(
            score=self.scores[-1][1],
            multiply_adds=self.head.multiply_adds,
            parameters=self.head.parameters,
            took_s=self.took_s,
            losses=tuple(self.losses),
            scores=tuple(self.scores),
            branch_norms=self.head.branch_norms(),
            steps=self.steps,
            test_score=self.test_score,
        )


def training_batches(
    cache: Cache, batch_size: int, steps: int, seed: int
) -> tf.data.Dataset:
    """Features, float16, and labels, uint8, of each step from 0 on, read ahead."""
    shapes = cache.train.shape(batch_size)

    def read(step: np.int64) -> tuple[np.ndarray, np.ndarray]:
        numbers = numbers_of(int(step), batch_size, len(cache.train), seed)
        return cache.train.features(numbers), cache.train.labels(numbers)

    def batch(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        found = tf.numpy_function(read, [step], [tf.float16, tf.uint8])
        return tuple(map(tf.ensure_shape, found, shapes))

    return tf.data.Dataset.range(steps).map(batch).prefetch(2)


def validation_batches(cache: Cache) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Features and labels of all validation images, a few at a time."""
    for first in range(0, len(cache.val), _EVALUATED_AT_ONCE):
        numbers = range(first, min(first + _EVALUATED_AT_ONCE, len(cache.val)))
        yield cache.val.features(numbers), cache.val.labels(numbers)


def numbers_of(step: int, batch_size: int, num_views: int, seed: int) -> list[int]:
    """The views of a step.

    Every epoch shows each view once, in an order drawn from `(seed, epoch)`; batches
    run on over the ends of epochs.

    >>> numbers_of(0, 3, 4, seed=1) + numbers_of(1, 3, 4, seed=1)
    [0, 1, 2, 3, 2, 0]
    """
    positions = range(step * batch_size, (step + 1) * batch_size)
    places = (divmod(position, num_views) for position in positions)
    return [int(_order(seed, epoch, num_views)[place]) for epoch, place in places]


@functools.lru_cache(maxsize=4)
def _order(seed: int, epoch: int, size: int) -> np.ndarray:
    return np.random.default_rng((seed & 0xFFFFFFFF, epoch)).permutation(size)
