r"""Converts ADE20K's scene parsing data to TFRecords: 151 classes, 0 ignored.

python datasets/build_ade20k_data.py --ade20k_root=ADE20K/ADEChallengeData2016 \
    --output_dir=records/ade20k

The flags are the original's, and --ade20k_root. As in the original, id 0 ("other") is
both a class and the ignore label: its logit is never trained. More in g3doc/ade20k.md.
"""

import pathlib

from absl import flags

from deeplab_dpc.conversion import sources
from deeplab_dpc.conversion.converters import ade20k
from deeplab_dpc.programs.convert import common


def _source(values: flags.FlagValues) -> sources.Source:
    folders = {name: values[name].value for name in ade20k.FOLDERS}
    root = pathlib.Path(values.ade20k_root)
    return common.with_size_note(ade20k.source(root, folders))


_ROOT = common.flag(
    "ade20k_root",
    "./ADE20K/ADEChallengeData2016",
    "Folder ADEChallengeData2016; the four folders lie in it.",
)
_FOLDERS = [
    common.flag(name, None, f"Another folder than {default} in --ade20k_root.")
    for name, default in ade20k.FOLDERS.items()
]
PROGRAM = common.Program(__doc__, [_ROOT, *_FOLDERS], _source, "./ADE20K/tfrecord")
