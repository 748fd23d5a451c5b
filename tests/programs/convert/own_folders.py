"""Folders of one's own images and labels, and their conversion."""

import shutil

from PIL import Image

from deeplab_dpc.programs.convert.folder import OwnFolders, splits
from tests.programs.convert import programs


def picture(path, value=0):
    """A photo, or (with a class's id) a label, in a folder that may not be there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = "L" if path.suffix.lower() == ".png" else "RGB"
    Image.new(mode, (4, 3), value if mode == "L" else (9, 20 * value, 9)).save(path)


def flags_of(folder, lists=True):
    return [
        f"--image_dir={folder}/images",
        f"--label_dir={folder}/labels",
        *([f"--list_dir={folder}/lists"] if lists else []),
        f"--classes_json={folder}/classes.json",
        f"--output_dir={folder}/out/mine",
    ]


def convert(folder, *more, lists=True, code=0):
    return programs.convert("folder", *flags_of(folder, lists), *more, code=code)


def refusal(folder, *more, **how):
    """What a conversion says that fails."""
    return convert(folder, *more, code=1, **how).stderr


def folders(folder, **settings):
    return OwnFolders(folder / "images", folder / "labels", **settings)


def found(folder, **settings):
    return splits(folders(folder, **settings))[0]


def listed(folder, **settings):
    return found(folder, lists=folder / "lists", **settings)


def in_folders(own, *splits):
    for kind, ending in {"images": "jpg", "labels": "png"}.items():
        shutil.rmtree(own / kind)
        for i, split in enumerate(splits):
            picture(own / f"{kind}/{split}/{i}.{ending}", i)


def move_labels(own, after, before=".png", folder="labels"):
    for name in "abc":
        (own / f"labels/{name}{before}").rename(own / f"{folder}/{name}{after}")
