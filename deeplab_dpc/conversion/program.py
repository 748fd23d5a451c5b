"""What all converter programs do around a conversion: signals, words, exit codes."""

import contextlib
import os
import pathlib
import signal
import sys
from collections.abc import Callable, Iterator, Sequence

from deeplab_dpc.conversion import workspace
from deeplab_dpc.data.dataset_info import FILE_NAME, DatasetError
from deeplab_dpc.data.manifest import Manifest, Shared

_SHOWN = 3  # Examples of what was left out or occurs twice.


class _Signalled(BaseException):
    """A signal that asks this process to end."""

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number


def run(convert: Callable[[], Manifest], output_dir: pathlib.Path) -> int:
    """Runs a conversion; gives the program's exit code. Each end has its words. A
    converter needs no GPU, and must not take the memory of one in use.
    """
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    try:
        with _signals_as_exceptions():
            manifest = convert()
    except (DatasetError, OSError) as e:
        text = str(e)
        if isinstance(e, OSError) and e.filename:
            text = f"{e.filename}: {e.strerror}."
        print(f"{text}\n{_what_remains(output_dir)}", file=sys.stderr)
        return 1
    except _Signalled as e:
        name = signal.Signals(e.number).name
        print(f"\nStopped by {name}. {_what_remains(output_dir)}", file=sys.stderr)
        return 128 + e.number
    print("\n".join(summary(manifest, output_dir)))
    return 0


def summary(manifest: Manifest, output_dir: pathlib.Path) -> list[str]:
    """A paragraph on what came out, and one on each thing to look at."""
    info = manifest.info
    sizes = ", ".join(f"{split} {size}" for split, size in info.split_sizes.items())
    lines = [
        f"{info.name}: {info.num_classes} classes, ignore label {info.ignore_label}; "
        f"images: {sizes}. Train with --dataset_dir={output_dir}"
    ]
    where = f"{output_dir / FILE_NAME} lists all."
    left_out = [
        f"{split}/{skipped.name} ({skipped.reason})"
        for split, all_skipped in manifest.skipped.items()
        for skipped in all_skipped
    ]
    if left_out:
        count = len(left_out)
        total = count + sum(info.split_sizes.values())
        lines.append(f"Left out {count} of {total} images: {_some(left_out)} {where}")
    if manifest.shared_images:
        lines.append(f"{_twice(manifest.shared_images)} {where}")
    return lines


def _twice(shared: Sequence[Shared]) -> str:
    """What is said of images that occur twice."""
    groups = {
        same: [
            " = ".join("/".join(place) for place in group.where)
            for group in shared
            if group.same == same
        ]
        for same in ("image", "name")
    }
    parts = []
    if groups["image"]:
        parts.append(
            f"Images that occur more than once: {len(groups['image'])}, such as "
            f"{_some(groups['image'])} A score on a split that shares images with the "
            "training says little."
        )
    if groups["name"]:
        parts.append(
            f"Names that stand for different images: {len(groups['name'])}, such as "
            f"{_some(groups['name'])}"
        )
    return " ".join(parts)


def _some(items: Sequence[str]) -> str:
    """The first few items, as the end of a sentence."""
    more = f"; and {len(items) - _SHOWN} more." if len(items) > _SHOWN else "."
    return "; ".join(item.rstrip(".") for item in items[:_SHOWN]) + more


def _what_remains(output_dir: pathlib.Path) -> str:
    """What a conversion that did not come to its end has left."""
    unfinished = output_dir / workspace.NAME
    if not unfinished.is_dir():
        return "Nothing was written."
    return (
        f"{output_dir} is as it was. The shards that were finished wait in "
        f"{unfinished}: the same command goes on from there."
    )


@contextlib.contextmanager
def _signals_as_exceptions() -> Iterator[None]:
    """Ctrl-C and SIGTERM raise `_Signalled`, once: the work ends in good order."""

    def stop(number: int, frame: object) -> None:
        for other in before:
            signal.signal(other, signal.SIG_DFL)  # A second one ends us at once.
        raise _Signalled(number)

    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
