r"""Converts CamVid to TFRecords: 11 classes, void ignored.

python datasets/build_camvid_data.py --camvid_root=CamVid --output_dir=records/camvid

--camvid_root has the folders of the original, `701_StillsRaw_full` and
`LabeledApproved_full` (labels of 32 colours, merged into 11 classes), or it has
`classes.json`, `<split>.txt`, `images/<split>/<name>.jpg` and
`labels/<split>/<name>.png` (ids). See g3doc/camvid.md.
"""

import pathlib

from absl import flags

from deeplab_dpc.conversion import layouts
from deeplab_dpc.conversion.converters import camvid
from deeplab_dpc.programs.convert import common


def define(values: flags.FlagValues) -> common.MakeSource:
    """Defines the program's flags; gives what finds the files that they name."""
    common.define(values)
    root = flags.DEFINE_string(
        "camvid_root", None, "CamVid's folder.", required=True, flag_values=values
    )
    return lambda: layouts.with_size_note(camvid.source(pathlib.Path(root.value)))


def run() -> None:
    """Runs the program from the command line."""
    common.run(define, __doc__)
