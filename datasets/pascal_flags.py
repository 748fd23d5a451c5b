"""The flags of data in PASCAL's layout, and what is done with them.

A program defines its root, calls `define` with its usual folders, and ends in `run`.
"""

import pathlib
from collections.abc import Callable

import converter_flags
from absl import app, flags

from deeplab_dpc.conversion import layouts, pascal, sources

flags.adopt_module_key_flags(converter_flags)  # For --help.


def define(root: flags.FlagHolder[str], labels: str, lists: str) -> None:
    """Defines the flags.

    Args:
        root: The flag of the folder in which the others usually lie.
        labels: Name of the folder of labels there.
        lists: Name of the folder of lists there.
    """
    where = f"below --{root.name} or anywhere"
    flags.DEFINE_string("image_folder", "JPEGImages", f"Folder of the images, {where}.")
    flags.DEFINE_list(
        "semantic_segmentation_folder",
        [labels],
        f"Folder of the labels (.png or .mat), {where}. Of several, separated by "
        "commas, the first that has an image's label gives it.",
    )
    flags.DEFINE_string("list_folder", lists, f"Folder of the lists, {where}.")
    flags.DEFINE_list("splits", [], "Lists to convert; by default every one.")
    flags.DEFINE_enum(
        "image_format", "jpg", ["jpg", "jpeg", "png"], "The images' ending."
    )
    flags.DEFINE_enum(
        "label_palette",
        None,
        pascal.PALETTES,
        "For palette PNGs in another order than PASCAL's: what tells the class, the "
        "colours or the indices.",
    )
    flags.set_default(converter_flags.OUTPUT_DIR, "./tfrecord")


def run(
    argv: list[str],
    root: flags.FlagHolder[str],
    source: Callable[[pascal.Folders], sources.Source],
) -> int:
    """Converts what the flags name, says what came out, and gives the exit code."""
    if len(argv) > 1:
        raise app.UsageError(f"Unexpected arguments: {argv[1:]}")
    values = flags.FLAGS

    def below(name: str) -> pathlib.Path:
        return layouts.below(pathlib.Path(root.value), name)

    def make() -> sources.Source:
        folders = pascal.Folders(
            below(values.image_folder),
            [below(name) for name in values.semantic_segmentation_folder],
            below(values.list_folder),
            values.image_format,
            values.splits,
            values.label_palette,
        )
        return layouts.with_size_note(source(folders))

    return converter_flags.run(make)
