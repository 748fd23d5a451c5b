"""What the converters' programs share: some flags, and how a conversion is run."""

import pathlib
import sys
from collections.abc import Callable
from typing import TextIO

from absl import flags

from deeplab_dpc.conversion import converter, images, program
from deeplab_dpc.conversion.sources import Source
from deeplab_dpc.programs import command_line

MakeSource = Callable[[], Source]


def define(
    values: flags.FlagValues, output_dir: str | None = None, num_shards: int = 4
) -> None:
    """Defines the flags that all converters have; the arguments are their defaults."""
    flags.DEFINE_string(
        "output_dir",
        output_dir,
        "Folder for the records.",
        required=output_dir is None,
        flag_values=values,
    )
    flags.DEFINE_integer(
        "num_shards",
        num_shards,
        "Record files of a split.",
        lower_bound=1,
        flag_values=values,
    )
    flags.DEFINE_integer(
        "num_workers",
        0,
        "Processes; 0: one for each core, or just one for small data. Each one works "
        "on a record file of its own, so more than there are of these are of no use.",
        lower_bound=0,
        flag_values=values,
    )
    flags.DEFINE_bool(
        "skip_bad",
        False,
        "Leave out images and labels that are missing, damaged or wrong, and list them "
        "in dataset.json, instead of failing at the first one.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "exif_orientation",
        "refuse",
        images.EXIF,
        "Images whose EXIF data ask viewers to turn them: refuse them; apply: store "
        "what viewers show (as PNG); ignore: store the file. Labels must fit what is "
        "chosen.",
        flag_values=values,
    )


def convert(
    make_source: MakeSource, values: flags.FlagValues, log: TextIO = sys.stderr
) -> int:
    """Converts what `make_source` finds, as the flags say; gives the exit code.
    Whatever is wrong, there or in a file, ends in one paragraph.
    """
    output_dir = pathlib.Path(values.output_dir)
    options = converter.Options(
        values.num_shards, values.num_workers, values.skip_bad, values.exif_orientation
    )
    return program.run(
        lambda: converter.convert(make_source(), output_dir, options, log), output_dir
    )


def run(define: Callable[[flags.FlagValues], MakeSource], help: str | None) -> None:
    """Runs a converter. `define` defines its flags, and gives what finds their
    files.
    """
    make_source = define(flags.FLAGS)
    command_line.run(lambda _: convert(make_source, flags.FLAGS), help)
