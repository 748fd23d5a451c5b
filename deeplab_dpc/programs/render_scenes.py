r"""Renders street scenes with labels: data for a first try, nothing downloaded.

python datasets/render_scenes.py --output_dir=quickstart/scenes

Eight classes seen in perspective, from two to hundreds of pixels high, with textures,
haze and light. Colours do not tell the classes apart: walls may be as grey as the road
or as green as trees. Convert the result with build_folder_data.py (g3doc/own_data.md).
"""

import pathlib

from absl import flags

from deeplab_dpc import scenes
from deeplab_dpc.formatting import as_flag, count
from deeplab_dpc.programs import command_line

_INTEGERS = {
    "num_train": (240, "Training images.", 1),
    "num_val": (40, "Validation images.", 1),
    "seed": (0, "Other seeds, other scenes.", 0),
    "height": (192, "Height in pixels.", 32),
    "width": (256, "Width in pixels.", 32),
}


def main(values: flags.FlagValues) -> None:
    """Renders and says what came out."""
    folder = pathlib.Path(values.output_dir)
    splits = {"train": values.num_train, "val": values.num_val}
    scenes.write(folder, splits, (values.height, values.width), values.seed)
    print(f"{count(sum(splits.values()), 'scene')} in {folder}. Convert them with")
    places = {
        "image_dir": "images",
        "label_dir": "labels",
        "list_dir": "lists",
        "classes_json": "classes.json",
        "output_dir": "records",
    }
    given = [as_flag(name, folder / place) for name, place in places.items()]
    convert = "  python datasets/build_folder_data.py"
    print(command_line.as_typed(convert), *given, "--name=scenes")


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the program's flags."""
    given = {"flag_values": values}
    flags.DEFINE_string("output_dir", None, "Folder to write.", required=True, **given)
    for name, (default, help, least) in _INTEGERS.items():
        flags.DEFINE_integer(name, default, help, lower_bound=least, **given)


def run() -> None:
    """Runs the program from the command line."""
    define_flags()
    command_line.run(lambda _: main(flags.FLAGS), help=__doc__)
