r"""Converts CamVid to TFRecords: 11 classes, void ignored.

python datasets/build_camvid_data.py --camvid_root=CamVid --output_dir=records/camvid

--camvid_root has the folders of the original, `701_StillsRaw_full` and
`LabeledApproved_full` (labels of 32 colours, merged into 11 classes), or it has
`classes.json`, `<split>.txt`, `images/<split>/<name>.jpg` and
`labels/<split>/<name>.png` (ids). See g3doc/camvid.md.
"""

import pathlib

from absl import flags

from deeplab_dpc.conversion import sources
from deeplab_dpc.conversion.converters import camvid
from deeplab_dpc.programs.convert import common


def _source(values: flags.FlagValues) -> sources.Source:
    return common.with_size_note(camvid.source(pathlib.Path(values.camvid_root)))


_ROOT = common.flag("camvid_root", None, "CamVid's folder.", required=True)
PROGRAM = common.Program(__doc__, [_ROOT], _source, output_dir=None)
