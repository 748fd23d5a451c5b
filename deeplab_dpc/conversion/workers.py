"""Makes the shards of a conversion, in this process or in several."""

import concurrent.futures
import contextlib
import ctypes
import dataclasses
import multiprocessing
import os
import pathlib
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.sharedctypes import RawArray
from typing import Any

import tensorflow as tf

from deeplab_dpc.conversion import shard_maker, sources
from deeplab_dpc.conversion.shard_maker import Finished, Options, Task
from deeplab_dpc.data.dataset_info import DatasetError

# What one core needs: to import TensorFlow; for an image of no size; for each MiB of
# files (measured: 0.03 s for large PNGs, 0.1 s for JPEGs).
_START_S, _IMAGE_S, _MEBIBYTE_S = 4.0, 0.001, 0.05
_SAMPLE = 100  # Images whose files are looked at to know how long all take.
_WAIT_S = 0.2


def make_all(
    tasks: Sequence[Task],
    source: sources.Source,
    options: Options,
    folder: pathlib.Path,
    on_images: Callable[[int], None],
) -> dict[str, Finished]:
    """Makes shards in `folder`; gives what is known of each, by file name.

    Args:
        tasks: The shards.
        source: What is converted.
        options: How.
        folder: Where the files go.
        on_images: Called now and then with the number of images done since.

    Raises:
        DatasetError: For the first wrong file that a process meets, or if a process
            dies. Those that are at work end before.
    """
    made = {}
    if _count(tasks, options.num_workers) < 2:
        for task in tasks:
            made[task.name] = shard_maker.make(
                task, source, options, folder, lambda: on_images(1)
            )
        return made
    pool = _Pool(tasks, source, options, folder)
    for task, finished in pool.run(on_images):
        made[task.name] = finished
    return made


def _count(tasks: Sequence[Task], wanted: int) -> int:
    """How many processes to use; none is without a shard."""
    count = min(wanted or len(os.sched_getaffinity(0)), len(tasks))
    if wanted or count < 2:
        return count
    alone_s = _duration_s([item for task in tasks for item in task.items])
    return count if _START_S + alone_s / count < alone_s else 1


def _duration_s(items: Sequence[sources.Item]) -> float:
    """How long one process needs for these, roughly: from the sizes of some of them."""
    some = items[:: max(1, len(items) // _SAMPLE)]
    size = 0
    for path in [path for item in some for path in (item.image, item.label)]:
        with contextlib.suppress(OSError):
            size += 0 if path is None else path.stat().st_size
    return len(items) * (_IMAGE_S + _MEBIBYTE_S * size / 2**20 / len(some))


class _Pool:
    """Several processes that make shards, and what they share: how far each shard is.

    The array has a number for each shard, which only its maker writes, and a last one
    that asks all to stop. It needs no lock, which a killed process could keep.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        source: sources.Source,
        options: Options,
        folder: pathlib.Path,
    ):
        self._tasks = tasks
        self._counters = RawArray(ctypes.c_int64, len(tasks) + 1)
        without_splits = dataclasses.replace(source, splits={})
        self._executor = concurrent.futures.ProcessPoolExecutor(
            _count(tasks, options.num_workers),
            multiprocessing.get_context("spawn"),
            _start_worker,
            (without_splits, options, folder, self._counters),
        )

    def run(self, on_images: Callable[[int], None]) -> Iterator[tuple[Task, Finished]]:
        """Gives each shard as it is finished; the processes end with the last one."""
        shown = 0
        try:
            pending = self._submit()
            while pending:
                done, _ = concurrent.futures.wait(
                    pending, _WAIT_S, concurrent.futures.FIRST_COMPLETED
                )
                now = sum(self._counters[:-1])
                on_images(now - shown)
                shown = now
                for future in done:
                    yield pending.pop(future), future.result()
        except BrokenProcessPool as e:
            raise DatasetError(
                "A process of the conversion died, as happens when memory runs out "
                "(see `dmesg`). Try again with fewer: --num_workers=1 needs the least. "
                "Finished shards need not be made again."
            ) from e
        finally:
            self._counters[-1] = 1
            self._executor.shutdown(cancel_futures=True)

    def _submit(self) -> dict[concurrent.futures.Future, Task]:
        """Hands over all shards, the largest first, so that none ends long after."""
        sizes = [len(task.items) for task in self._tasks]
        order = sorted(range(len(sizes)), key=lambda i: -sizes[i])
        with _deaf_to_interrupts():
            return {
                self._executor.submit(_make, self._tasks[i], i): self._tasks[i]
                for i in order
            }


class _Stopped(Exception):
    """The conversion ends before this shard is done."""


_shared: tuple[Any, ...] = ()  # In a worker: what all its shards have in common.


def _start_worker(*shared: Any) -> None:
    global _shared
    _shared = shared
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Ends this process when the one that started it is gone, killed even."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # This runs in workers only.
    parent.join()
    os._exit(1)


def _make(task: Task, index: int) -> Finished:
    source, options, folder, counters = _shared

    def on_image() -> None:
        counters[index] += 1
        if counters[-1]:
            raise _Stopped

    return shard_maker.make(task, source, options, folder, on_image)


@contextlib.contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Holds back Ctrl-C; processes that are started meanwhile never hear it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
