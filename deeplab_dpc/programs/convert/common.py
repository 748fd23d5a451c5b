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

from deeplab_dpc.conversion import converter, leftovers, workspace
from deeplab_dpc.conversion.sources import Source
from deeplab_dpc.data import images
from deeplab_dpc.data.dataset_info import FILE_NAME, DatasetError
from deeplab_dpc.data.manifest import Manifest, Shared
from deeplab_dpc.formatting import as_flag, count
from deeplab_dpc.programs import command_line
from deeplab_dpc.training import recipe

Flag = Callable[..., Any]  # Defines a flag in the `flag_values` that it is given.

_KINDS: dict[type, Flag] = {
    bool: flags.DEFINE_bool,
    float: flags.DEFINE_float,
    int: flags.DEFINE_integer,
    list: flags.DEFINE_list,
}
_TWICE = {
    "image": (
        "Images that occur more than once",
        " A score on a split that shares images with the training says little.",
    ),
    "name": ("Names that stand for different images", ""),
}
_SPLITS = {"train_split": "train", "eval_split": "val"}  # What train.py takes.
_SHOWN = 3  # Examples of what was left out or occurs twice.


def flag(
    name: str, default: Any, help: str, legal: Sequence[str] = (), **more: Any
) -> Flag:
    """A flag, not yet defined, of its default's kind (None: text), or a legal word."""
    if legal:
        return partial(flags.DEFINE_enum, name, default, legal, help)
    return partial(
        _KINDS.get(type(default), flags.DEFINE_string), name, default, help, **more
    )


_SHARED = (
    flag(
        "num_workers",
        0,
        "Processes; 0: one for each core, or just one for small data. Each one works "
        "on a record file of its own, so more than there are of these are of no use.",
        lower_bound=0,
    ),
    flag(
        "skip_bad",
        False,
        "Leave out images and labels that are missing, damaged or wrong, and list them "
        "in dataset.json, instead of failing at the first one.",
    ),
    flag(
        "exif_orientation",
        "refuse",
        "Images whose EXIF data ask viewers to turn them: refuse them; apply: store "
        "what viewers show (as PNG); ignore: store the file. Labels must fit what is "
        "chosen.",
        images.EXIF,
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
        where = "Folder for the records."
        for define in (
            flag(
                "output_dir", self.output_dir, where, required=self.output_dir is None
            ),
            flag(
                "num_shards", self.num_shards, "Record files of a split.", lower_bound=1
            ),
            *_SHARED,
            *self.own_flags,
        ):
            define(flag_values=values)

    def convert(self, values: flags.FlagValues, log: TextIO = sys.stderr) -> int:
        """Converts what the flags name; gives the exit code, after a paragraph."""
        output_dir = pathlib.Path(values.output_dir)
        names = ("num_shards", "num_workers", "skip_bad", "exif_orientation")
        options = converter.Options(*(values[name].value for name in names))
        left_out: list[str] = []

        def work() -> Manifest:
            source = self.make_source(values)
            found = leftovers.find(source)
            if not options.skip_bad:
                leftovers.check(found)
            left_out.extend(leftovers.line(found))
            return converter.convert(source, output_dir, options, log)

        code = guarded(work, output_dir)
        for line in (*left_out, *next_command(output_dir)) if code == 0 else ():
            print(line)
        return code

    def run(self) -> None:
        """Runs the program from the command line."""
        self.define(flags.FLAGS)
        command_line.run(lambda _: self.convert(flags.FLAGS), self.help)


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
        print(f"{command_line.told(e)}\n{_what_remains(output_dir)}", file=sys.stderr)
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
        f"{info.name}: {count(info.num_classes, 'class')}, ignore label "
        f"{info.ignore_label}; images: {sizes}."
    ]
    if info.num_classes == 1:
        lines.append(
            "There is one class, which leaves nothing to learn: every pixel is right "
            "from the start. Give the background a class of its own."
        )
    for split, figures in manifest.statistics.items():
        if figures.num_labelled and not any(figures.class_pixels):
            lines.append(
                f"All labelled pixels of {split} are ignored ({info.ignore_label}): "
                "there is nothing to train on or to score. Look at the labels."
            )
    where = f"{output_dir / FILE_NAME} lists all."
    left_out = [
        f"{split}/{skipped.name} ({skipped.reason})"
        for split, all_skipped in manifest.skipped.items()
        for skipped in all_skipped
    ]
    if left_out:
        total = count(len(left_out) + sum(info.split_sizes.values()), "image")
        lines.append(f"Left out {len(left_out)} of {total}: {_some(left_out)} {where}")
    if manifest.shared_images:
        lines.append(f"{_twice(manifest.shared_images)} {where}")
    return lines


def next_command(output_dir: pathlib.Path) -> list[str]:
    """The training to type now, after what its recipe would choose; nothing if no
    training split has labels, of several classes.
    """
    manifest = Manifest.load(output_dir)
    counted = manifest.statistics.items()
    labelled = [split for split, figures in counted if any(figures.class_pixels)]
    trained = [split for split in labelled if split.startswith("train")]
    if not trained or manifest.info.num_classes == 1:
        return []
    scored = [split for split in labelled if split.startswith("val")]
    splits = {"train_split": trained[0], "eval_split": (scored or ["val"])[0]}
    found = recipe.choose(output_dir, recipe.Machine.without_gpu(), splits)
    chosen = {choice.flag: choice.value for choice in found}
    crop = chosen["train_crop_size"].replace(",", "x")
    steps = count(int(chosen["training_number_of_steps"]), "step")
    crops = count(int(chosen["train_batch_size"]), "crop")
    paths = {
        "dataset_dir": output_dir,
        "train_logdir": pathlib.Path("runs", output_dir.resolve().name),
    }
    flags = [as_flag(*item) for item in paths.items()]
    flags += [as_flag(*item) for item in splits.items() if item not in _SPLITS.items()]
    return [
        f"Train now; without a GPU {steps} of {crops} of {crop}:",
        command_line.as_typed(f"python train.py --recipe=auto {' '.join(flags)}"),
    ]


def _twice(shared: Sequence[Shared]) -> str:
    parts = []
    for same, (text, advice) in _TWICE.items():
        groups = [
            " = ".join("/".join(place) for place in group.where)
            for group in shared
            if group.same == same
        ]
        if groups:
            parts.append(f"{text}: {len(groups)}, such as {_some(groups)}{advice}")
    return " ".join(parts)


def _some(items: Sequence[str]) -> str:
    """The first few items, as the end of a sentence."""
    more = f"; and {len(items) - _SHOWN} more." if len(items) > _SHOWN else "."
    return "; ".join(item.rstrip(".") for item in items[:_SHOWN]) + more


def _what_remains(output_dir: pathlib.Path) -> str:
    """What a conversion that did not come to its end has left."""
    unfinished = output_dir / workspace.NAME
    if not unfinished.is_dir():
        return f"Nothing was written into {output_dir}."
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
