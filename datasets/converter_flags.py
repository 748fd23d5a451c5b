"""The flags that all converters share, and what they do with them.

A program imports this, adopts its flags for `--help`, defines its own, and ends in
`converter_flags.run`. A program that has a usual output folder says so with
`flags.set_default(converter_flags.OUTPUT_DIR, "./tfrecord")`.
"""

import pathlib
from collections.abc import Callable

from absl import flags

from deeplab_dpc.conversion import converter, images, program, sources

OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Folder for the records.", required=True
)
NUM_SHARDS = flags.DEFINE_integer(
    "num_shards", 4, "Record files of a split.", lower_bound=1
)
NUM_WORKERS = flags.DEFINE_integer(
    "num_workers",
    0,
    "Processes; 0: one for each core, or just one for small data. Each one works on a "
    "record file of its own, so more than there are of these are of no use.",
    lower_bound=0,
)
SKIP_BAD = flags.DEFINE_bool(
    "skip_bad",
    False,
    "Leave out images and labels that are missing, damaged or wrong, and list them in "
    "dataset.json, instead of failing at the first one.",
)
EXIF = flags.DEFINE_enum(
    "exif_orientation",
    "refuse",
    images.EXIF,
    "Images whose EXIF data ask viewers to turn them: refuse them; apply: store what "
    "viewers show (as PNG); ignore: store the file. Labels must fit what is chosen.",
)


def output_dir() -> pathlib.Path:
    """The folder for the records."""
    return pathlib.Path(OUTPUT_DIR.value)


def run(make_source: Callable[[], sources.Source]) -> int:
    """Converts what `make_source` finds, as the flags say; gives the exit code.

    Whatever is wrong, there or in a file, ends in one paragraph.
    """
    options = converter.Options(
        NUM_SHARDS.value, NUM_WORKERS.value, SKIP_BAD.value, EXIF.value
    )
    return program.run(
        lambda: converter.convert(make_source(), output_dir(), options), output_dir()
    )
