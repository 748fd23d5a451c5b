"""The flags that all converters share, and what they do with them.

A program imports this, defines its own flags, and ends in `converter_flags.run`. A
program that has a usual output folder says so with
`flags.set_default(converter_flags.OUTPUT_DIR, "./tfrecord")`.
"""

import pathlib
from collections.abc import Callable

from absl import flags

from deeplab_dpc.data import conversion, sources

OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Folder for the records.", required=True
)
NUM_SHARDS = flags.DEFINE_integer(
    "num_shards", 4, "Record files of a split.", lower_bound=1
)


def output_dir() -> pathlib.Path:
    """The folder for the records."""
    return pathlib.Path(OUTPUT_DIR.value)


def run(make_source: Callable[[], sources.Source]) -> int:
    """Converts what `make_source` finds, as the flags say; gives the exit code.

    Whatever is wrong, there or in a file, ends in one paragraph.
    """
    options = conversion.Options(num_shards=NUM_SHARDS.value)
    return conversion.run_program(
        lambda: conversion.convert(make_source(), output_dir(), options), output_dir()
    )
