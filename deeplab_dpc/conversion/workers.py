"""Makes the shards of a conversion, in this process or in several."""

import concurrent.futures
import contextlib
import ctypes
import dataclasses
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.sharedctypes import RawArray
from typing import Any

from deeplab_dpc.conversion import sources
from deeplab_dpc.conversion.shard_maker import Finished, ShardMaker, ShardPlan
from deeplab_dpc.data import DatasetError

# What one core needs: to import TensorFlow; for an image of no size; for each MiB of
# files (measured: 0.03 s for large PNGs, 0.1 s for JPEGs).
_START_S, _IMAGE_S, _MEBIBYTE_S = 4.0, 0.001, 0.05
_SAMPLE = 100  # Images whose files are looked at to know how long all take.
_WAIT_S = 0.2


def make_all(
    plans: Sequence[ShardPlan], maker: ShardMaker, on_images: Callable[[int], None]
) -> dict[str, Finished]:
    """Makes shards; gives what is known of each, by file name.

    `on_images` is called now and then with the number of images done since. The first
    wrong file that a process meets, or a process that dies, is a `DatasetError`; those
    that are at work end before.
    """
    count = _count(plans, maker.options.num_workers)
    if count < 2:
        return {p.name: maker.make(p, lambda: on_images(1)) for p in plans}
    # How far each shard is, which only its maker writes; last, what asks all to stop.
    # It needs no lock, which a killed process could keep.
    counters = RawArray(ctypes.c_int64, len(plans) + 1)
    source = dataclasses.replace(maker.source, splits={})
    executor = concurrent.futures.ProcessPoolExecutor(
        count,
        multiprocessing.get_context("spawn"),
        _start_worker,
        (dataclasses.replace(maker, source=source), counters),
    )
    finished: dict[str, Finished] = {}
    shown = 0
    try:
        pending = _submit(executor, plans)
        while pending:
            done, _ = concurrent.futures.wait(
                pending, _WAIT_S, concurrent.futures.FIRST_COMPLETED
            )
            now = sum(counters[:-1])
            on_images(now - shown)
            shown = now
            finished |= {pending.pop(future): future.result() for future in done}
    except BrokenProcessPool as e:
        raise DatasetError(
            "A process of the conversion died, as happens when memory runs out (see "
            "`dmesg`). Try again with fewer: --num_workers=1 needs the least. Finished "
            "shards need not be made again."
        ) from e
    finally:
        counters[-1] = 1
        executor.shutdown(cancel_futures=True)
    return finished


def _submit(
    executor: concurrent.futures.Executor, plans: Sequence[ShardPlan]
) -> dict[concurrent.futures.Future, str]:
    """Hands over all shards, the largest first, so that none ends long after.
    Processes that are started while Ctrl-C is held back never hear it.
    """
    order = sorted(enumerate(plans), key=lambda p: -len(p[1].items))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return {executor.submit(_make, p, i): p.name for i, p in order}
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _count(plans: Sequence[ShardPlan], wanted: int) -> int:
    """How many processes to use; none is without a shard."""
    count = min(wanted or len(os.sched_getaffinity(0)), len(plans))
    if wanted or count < 2:
        return count
    alone_s = _duration_s([item for plan in plans for item in plan.items])
    return count if _START_S + alone_s / count < alone_s else 1


def _duration_s(items: Sequence[sources.Item]) -> float:
    """How long one process needs for these, roughly: from the sizes of some of them."""
    some = items[:: max(1, len(items) // _SAMPLE)]
    size = 0
    for path in [path for item in some for path in (item.image, item.label)]:
        with contextlib.suppress(OSError):
            size += 0 if path is None else path.stat().st_size
    return len(items) * (_IMAGE_S + _MEBIBYTE_S * size / 2**20 / len(some))


class _Cancelled(Exception):
    """The conversion ends before this shard is done."""


_shared: tuple[Any, ...] = ()  # In a worker: what all its shards have in common.


def _start_worker(*shared: Any) -> None:
    import tensorflow as tf

    global _shared
    _shared = shared
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    parent = multiprocessing.parent_process()
    assert parent is not None  # This runs in workers only.

    def end_with_parent() -> None:  # Killed even.
        parent.join()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


def _make(plan: ShardPlan, index: int) -> Finished:
    maker, counters = _shared

    def on_image() -> None:
        counters[index] += 1
        if counters[-1]:
            raise _Cancelled

    return maker.make(plan, on_image)
