"""What all converters do around a conversion: flags, signals, words and exit codes."""

import contextlib
import dataclasses
import os
import pathlib
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TextIO

from absl import flags

from deeplab_dpc.conversion import converter, images, workspace
from deeplab_dpc.conversion.sources import Source
from deeplab_dpc.data import known_datasets
from deeplab_dpc.data.dataset_info import FILE_NAME, DatasetError
from deeplab_dpc.data.manifest import Manifest, Shared
from deeplab_dpc.programs import command_line

Flag = Callable[..., Any]  # Defines a flag in the `flag_values` that it is given.

_SHOWN = 3  # Examples of what was left out or occurs twice.


def flag(
    name: str, default: Any, help: str, define: Flag = flags.DEFINE_string, **more: Any
) -> Flag:
    """A flag of a converter, not yet defined; `more` is what else `define` takes."""
    return partial(define, name, default, help=help, **more)


_SHARED = (
    flag(
        "num_workers",
        0,
        "Processes; 0: one for each core, or just one for small data. Each one works "
        "on a record file of its own, so more than there are of these are of no use.",
        flags.DEFINE_integer,
        lower_bound=0,
    ),
    flag(
        "skip_bad",
        False,
        "Leave out images and labels that are missing, damaged or wrong, and list them "
        "in dataset.json, instead of failing at the first one.",
        flags.DEFINE_bool,
    ),
    flag(
        "exif_orientation",
        "refuse",
        "Images whose EXIF data ask viewers to turn them: refuse them; apply: store "
        "what viewers show (as PNG); ignore: store the file. Labels must fit what is "
        "chosen.",
        flags.DEFINE_enum,
        enum_values=images.EXIF,
    ),
)


@dataclasses.dataclass(frozen=True)
class Program:
    """A converter: what `--help` says, its flags, and what finds the files they name.

    The last two are the defaults of `--output_dir` (None: it must be given) and
    `--num_shards`.
    """

    help: str | None
    own_flags: Sequence[Flag]
    make_source: Callable[[flags.FlagValues], Source]
    output_dir: str | None = "./tfrecord"
    num_shards: int = 4

    def define(self, values: flags.FlagValues) -> None:
        """Defines the program's own flags, and those that all converters have."""
        output_dir = flag(
            "output_dir",
            self.output_dir,
            "Folder for the records.",
            required=self.output_dir is None,
        )
        num_shards = flag(
            "num_shards",
            self.num_shards,
            "Record files of a split.",
            flags.DEFINE_integer,
            lower_bound=1,
        )
        for define in (output_dir, num_shards, *_SHARED, *self.own_flags):
            define(flag_values=values)

    def convert(self, values: flags.FlagValues, log: TextIO = sys.stderr) -> int:
        """Converts what the flags name; gives the exit code, after a paragraph."""
        output_dir = pathlib.Path(values.output_dir)
        options = converter.Options(
            values.num_shards,
            values.num_workers,
            values.skip_bad,
            values.exif_orientation,
        )
        return guarded(
            lambda: converter.convert(
                self.make_source(values), output_dir, options, log
            ),
            output_dir,
        )

    def run(self) -> None:
        """Runs the program from the command line."""
        self.define(flags.FLAGS)
        command_line.run(lambda _: self.convert(flags.FLAGS), self.help)


def with_size_note(source: Source) -> Source:
    """The source; says on stderr if its splits have not the published sizes."""
    sizes = {split: len(items) for split, items in source.splits.items()}
    note = known_datasets.size_note(source.name, sizes)
    if note:
        print(note, file=sys.stderr)
    return source


class _Signalled(BaseException):
    """A signal, its number, that asks this process to end."""


def guarded(convert: Callable[[], Manifest], output_dir: pathlib.Path) -> int:
    """Runs a conversion into `output_dir`; gives the program's exit code.

    Each end has its words. A converter needs no GPU, and must not take the memory of
    one in use.
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
        (number,) = e.args
        name = signal.Signals(number).name
        print(f"\nStopped by {name}. {_what_remains(output_dir)}", file=sys.stderr)
        return 128 + number
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
