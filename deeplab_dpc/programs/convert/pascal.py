"""The flags of data in PASCAL's layout."""

import pathlib

from absl import flags

from deeplab_dpc.conversion import layouts, sources
from deeplab_dpc.conversion.converters import pascal
from deeplab_dpc.programs.convert import common


def define(
    layout: pascal.Layout, root: flags.FlagHolder[str], values: flags.FlagValues
) -> common.MakeSource:
    """Defines the flags of a layout, whose folders lie in that of the flag `root`;
    gives what finds the files that they name.
    """
    common.define(values, "./tfrecord")
    where = f"below --{root.name} or anywhere"
    flags.DEFINE_string(
        "image_folder",
        "JPEGImages",
        f"Folder of the images, {where}.",
        flag_values=values,
    )
    flags.DEFINE_list(
        "semantic_segmentation_folder",
        [layout.labels],
        f"Folder of the labels (.png or .mat), {where}. Of several, separated by "
        "commas, the first that has an image's label gives it.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "list_folder",
        layout.lists,
        f"Folder of the lists, {where}.",
        flag_values=values,
    )
    flags.DEFINE_list(
        "splits",
        [],
        "Lists to convert; by default every one.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "image_format",
        "jpg",
        ["jpg", "jpeg", "png"],
        "The images' ending.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "label_palette",
        None,
        pascal.PALETTES,
        "For palette PNGs in another order than PASCAL's: what tells the class, the "
        "colours or the indices.",
        flag_values=values,
    )

    def make_source() -> sources.Source:
        below = pathlib.Path(root.value)
        folders = pascal.Folders(
            layouts.below(below, values.image_folder),
            [layouts.below(below, n) for n in values.semantic_segmentation_folder],
            layouts.below(below, values.list_folder),
            values.image_format,
            values.splits,
            values.label_palette,
        )
        return layouts.with_size_note(pascal.source(layout, folders))

    return make_source
