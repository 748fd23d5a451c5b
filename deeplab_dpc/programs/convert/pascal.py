"""Programs for data in PASCAL's layout."""

import pathlib

from absl import flags

from deeplab_dpc.conversion import layouts, sources
from deeplab_dpc.conversion.converters import pascal
from deeplab_dpc.programs.convert import common


def program(
    help: str | None, layout: pascal.Layout, root: tuple[str, str, str]
) -> common.Program:
    """The program for a layout.

    `root` is name, default and help of the flag of the folder in which the others lie.
    """
    where = f"below --{root[0]} or anywhere"
    own_flags = (
        common.flag(*root),
        common.flag("image_folder", "JPEGImages", f"Folder of the images, {where}."),
        common.flag(
            "semantic_segmentation_folder",
            [layout.labels],
            f"Folder of the labels (.png or .mat), {where}. Of several, separated by "
            "commas, the first that has an image's label gives it.",
            flags.DEFINE_list,
        ),
        common.flag("list_folder", layout.lists, f"Folder of the lists, {where}."),
        common.flag(
            "splits", [], "Lists to convert; by default every one.", flags.DEFINE_list
        ),
        common.flag(
            "image_format",
            "jpg",
            "The images' ending.",
            flags.DEFINE_enum,
            enum_values=["jpg", "jpeg", "png"],
        ),
        common.flag(
            "label_palette",
            None,
            "For palette PNGs in another order than PASCAL's: what tells the class, "
            "the colours or the indices.",
            flags.DEFINE_enum,
            enum_values=pascal.PALETTES,
        ),
    )

    def make_source(values: flags.FlagValues) -> sources.Source:
        below = pathlib.Path(values[root[0]].value)
        folders = pascal.Folders(
            layouts.below(below, values.image_folder),
            [layouts.below(below, n) for n in values.semantic_segmentation_folder],
            layouts.below(below, values.list_folder),
            values.image_format,
            values.splits,
            values.label_palette,
        )
        return common.with_size_note(pascal.source(layout, folders))

    return common.Program(help, own_flags, make_source)
