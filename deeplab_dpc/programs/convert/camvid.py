r"""Converts CamVid to TFRecords: 11 classes, void ignored.

python datasets/build_camvid_data.py --camvid_root=CamVid --output_dir=records/camvid

--camvid_root has the folders of the original, `701_StillsRaw_full` and
`LabeledApproved_full` (labels of 32 colours, merged into 11 classes), or it has
`classes.json`, `<split>.txt`, `images/<split>/<name>.jpg` and
`labels/<split>/<name>.png` (ids). See g3doc/camvid.md.
"""

import pathlib

from deeplab_dpc import files
from deeplab_dpc.conversion import folders, layouts, leftovers, sources
from deeplab_dpc.conversion.labels import colors, palettes, reading
from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.data.images import JPEG_ENDINGS
from deeplab_dpc.programs.convert import common

_SPLITS = ("train", "val", "test")
_STILLS, _LABELED = "701_StillsRaw_full", "LabeledApproved_full"


def source(root: pathlib.Path) -> sources.Source:
    """What CamVid's folder holds; an error if it is another, or a list is wrong."""
    if (root / _STILLS).is_dir() or (root / _LABELED).is_dir():
        return _original(root)
    names, class_colors, ignore_label = _classes(root / "classes.json")
    splits = {}
    for split in _SPLITS:
        images = folders.Files(root / "images" / split, JPEG_ENDINGS)
        labels = folders.Files(root / "labels" / split, (".png",))
        splits[split] = [
            sources.Item(name, images.path(name), labels.path(name))
            for name in sources.read_list(root / f"{split}.txt")
        ]
    reader = reading.Ids(len(names), ignore_label)
    roots = {root / "images": leftovers.UNLISTED}
    found = sources.Source("camvid", names, class_colors, splits, reader, roots=roots)
    return sources.with_size_note(found)


def split_of(name: str) -> str:
    """The split of one of the 701 stills, as SegNet divided them (367, 101, 233).

    Val is the stretch of drive 0016E5 that was labelled at 15 images a second, test is
    drive Seq05VD and the second half of 0001TP; train is the rest.
    """
    drive, _, frame = name.rpartition("_")
    number = int(frame.lstrip("f"))
    if drive == "Seq05VD" or (drive == "0001TP" and number >= 8550):
        return "test"
    return "val" if drive == "0016E5" and 7959 <= number <= 8159 else "train"


def _original(root: pathlib.Path) -> sources.Source:
    splits: dict[str, list[sources.Item]] = {split: [] for split in _SPLITS}
    images = folders.Files(root / _STILLS, (".png",))
    labels = folders.Files(root / _LABELED, ("_L.png",))
    for item in layouts.tree(images, labels):
        try:
            splits[split_of(item.name)].append(item)
        except ValueError as e:
            raise DatasetError(
                f"{item.image} is none of CamVid's 701 stills (0016E5_00390, "
                "0001TP_006690, ...): take it out of the folder."
            ) from e
    there = {split: items for split, items in splits.items() if items}
    reader = colors.Colors(palettes.named("camvid", 11))
    return sources.known("camvid", there, reader, {root / _STILLS: "that are no PNG"})


def _classes(path: pathlib.Path):
    """Names and colours in the order of the ids, and the source's ignore label."""
    if not path.is_file():
        raise DatasetError(
            f"--camvid_root={path.parent} is not CamVid's folder: it has no "
            f"{path.name}, and no {_STILLS} and {_LABELED}. It must hold those two "
            "folders, or classes.json, images/, labels/ and the lists "
            f"{', '.join(f'{split}.txt' for split in _SPLITS)}."
        )
    try:
        facts = files.read_json(path)
        classes = sorted(facts["classes"], key=lambda c: c["id"])
        names = tuple(c["name"].replace("_", " ") for c in classes)
        rgb = tuple(tuple(c["rgb"]) for c in classes)
        return names, rgb, int(facts["ignore_label"])
    except (KeyError, TypeError, ValueError) as e:
        raise DatasetError(
            f"{path} cannot be read ({type(e).__name__}: {e}); download it again."
        ) from e


PROGRAM = common.Program(
    __doc__,
    [common.flag("camvid_root", None, "CamVid's folder.", required=True)],
    lambda values: source(pathlib.Path(values.camvid_root)),
    output_dir=None,
)
