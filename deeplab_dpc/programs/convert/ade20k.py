r"""Converts ADE20K's scene parsing data to TFRecords: 151 classes, 0 ignored.

python datasets/build_ade20k_data.py --ade20k_root=ADE20K/ADEChallengeData2016 \
    --output_dir=records/ade20k

The flags are the original's, and --ade20k_root. As in the original, id 0 ("other") is
both a class and the ignore label: its logit is never trained. More in g3doc/ade20k.md.
"""

import pathlib

from absl import flags

from deeplab_dpc.conversion import layouts
from deeplab_dpc.conversion.converters import ade20k
from deeplab_dpc.programs.convert import common


def define(values: flags.FlagValues) -> common.MakeSource:
    """Defines the program's flags; gives what finds the files that they name."""
    common.define(values, "./ADE20K/tfrecord")
    root = flags.DEFINE_string(
        "ade20k_root",
        "./ADE20K/ADEChallengeData2016",
        "Folder ADEChallengeData2016; the four folders lie in it.",
        flag_values=values,
    )
    for name, default in ade20k.FOLDERS.items():
        help = f"Another folder than {default} in --ade20k_root."
        flags.DEFINE_string(name, None, help, flag_values=values)
    return lambda: layouts.with_size_note(
        ade20k.source(
            pathlib.Path(root.value), {n: values[n].value for n in ade20k.FOLDERS}
        )
    )


def run() -> None:
    """Runs the program from the command line."""
    common.run(define, __doc__)
