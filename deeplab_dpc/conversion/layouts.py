"""Finds the images and labels of a data set that lies in folders, without lists."""

import hashlib
import os
import pathlib
import re
from collections.abc import Mapping, Sequence

from deeplab_dpc import files
from deeplab_dpc.conversion import folders
from deeplab_dpc.conversion.sources import Item, read_list
from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.data.images import ENDINGS
from deeplab_dpc.formatting import count


def tree(images: folders.Files, labels: folders.Files | None) -> list[Item]:
    """Every image below a folder with its label (None: no labels), in the order of
    their names. Where an image or a label is missing, the path that it should have is
    given: the check of all files reports it. A `DatasetError` if a folder is missing or
    empty, no name is in both, or several images have one.
    """
    if not images.by_name:
        raise DatasetError(
            f"There are no images (*{', *'.join(images.endings)}) below "
            f"{images.folder}."
        )
    if labels is None:
        return [Item(name, images.path(name), None) for name in images.by_name]
    if images.by_name.keys().isdisjoint(labels.by_name):
        raise DatasetError(_no_pairs(images, labels))
    names = set(images.by_name)
    is_one = os.path.realpath(labels.folder) == os.path.realpath(images.folder)
    if not is_one:  # Else others may lie there.
        names |= set(labels.by_name)
    return [Item(name, images.path(name), labels.path(name)) for name in sorted(names)]


def lists(
    folder: pathlib.Path, images: folders.Files, flag: str, wanted: Sequence[str] = ()
) -> tuple[dict[str, list[str]], list[pathlib.Path]]:
    """The names in each list of a folder (`<split>.txt`), or in the wanted ones if any;
    and the files that list no image at all, such as `class_names.txt` or `notes.csv`
    (this one where the lists do not lie among the images, whose strays are counted).

    A line may hold paths, as lists of the augmented VOC do
    (`/JPEGImages/2007_000032.jpg /SegmentationClassAug/2007_000032.png`): the name is
    the first one's, without ending. `flag` names the folder in a `DatasetError`.
    """
    there = sorted(folder.iterdir()) if folder.is_dir() else []
    texts = [p for p in there if p.suffix.lower() == ".txt" and p.name[0] != "."]
    if not texts:
        raise DatasetError(
            f"There are no lists (<split>.txt) in {flag}={folder}: write train.txt and "
            "val.txt with the names of the images, one a line, without ending."
        )
    found: dict[str, pathlib.Path] = {}
    strays = [p for p in there if p not in texts and not p.is_dir()]
    if folder.resolve().is_relative_to(images.folder.resolve()):  # They are counted.
        strays = []
    for path in texts:
        split = folders.split_of(path.stem)
        if not wanted and _is_stray(path, images):
            strays.append(path)
        elif split in found:
            raise DatasetError(
                f"{found[split]} and {path} are both lists of {split!r}; keep one."
            )
        else:
            found[split] = path
    _check_lists(there, found, wanted)
    chosen = {s: path for s, path in found.items() if not wanted or s in wanted}
    return {
        split: [_name_in(line, images) for line in read_list(path)]
        for split, path in chosen.items()
    }, strays


def _name_in(line: str, images: folders.Files) -> str:
    """The name in a list's line: the line itself, or that of its first path."""
    first, *others = line.split()
    if line in images.by_name or not (others or line.startswith("/")):
        return line
    path = re.match(rf"(.+?)({'|'.join(map(re.escape, ENDINGS))})\s", line, re.I)
    return pathlib.PurePosixPath(path[1] if path else first).stem


def _is_stray(path: pathlib.Path, images: folders.Files) -> bool:
    """Whether a list cannot be meant: no line names an image, nor its name a split."""
    if re.search("train|val|test", path.stem, re.I):
        return False
    try:
        names = [line.replace("\\", "/") for line in files.read_lines(path) if line]
    except files.FileError:
        return True
    known = images.by_name
    return not any(_name_in(folders.composed(n), images) in known for n in names)


def _check_lists(
    there: Sequence[pathlib.Path],
    found: Mapping[str, pathlib.Path],
    wanted: Sequence[str],
) -> None:
    """Fails if a wanted list is missing, or one lies there under another ending."""
    missing = [split for split in wanted if split not in found]
    if missing or not found:
        names = ", ".join(found) or "of no image"
        raise DatasetError(
            f"--splits names {', '.join(missing)}, but the lists in {there[0].parent} "
            f"are {names}."
            if missing
            else f"No list in {there[0].parent} names an image of the folder."
        )
    for path in there:
        split = folders.SPLITS.get(path.stem.lower())
        if not wanted and split and split not in found and path.is_file():
            raise DatasetError(
                f"{path} is called as the list of split {split!r} is, but lists end in "
                f".txt. Rename it to {path.stem}.txt, or take it out of the folder."
            )


def first_label(labels: Sequence[folders.Files], name: str) -> pathlib.Path:
    """The label of this name in the first folder that has it, or where it should be."""
    paths = (files.path(name) for files in labels if name in files.by_name)
    return next(paths, labels[0].path(name))


def below(root: pathlib.Path, name: str) -> pathlib.Path:
    """A folder that a flag names: as given if it is there, or else below the root."""
    given = pathlib.Path(name)
    return given if given.is_dir() and not (root / name).is_dir() else root / name


def seeded_split(
    items: Sequence[Item], val_share: float, seed: int
) -> Mapping[str, list[Item]]:
    """A train and a val split, by a hash of seed and name; each keeps its order.

    An image's place among the others is its own: adding images moves few others. Val
    has the share `val_share`, in 0..1, but at least one image if that is above 0; a
    `DatasetError` if nothing would be left to train on.
    """
    size = max(1, round(val_share * len(items))) if val_share > 0 else 0
    if size >= len(items):
        raise DatasetError(
            f"Of {count(len(items), 'image')}, {size} would be val and none train. Add "
            "images, or lower --val_share."
        )

    def place(item: Item) -> bytes:
        return hashlib.sha256(f"{seed}:{item.name}".encode()).digest()

    val = {item.name for item in sorted(items, key=place)[:size]}
    splits = {"train": [item for item in items if item.name not in val]}
    if val:
        splits["val"] = [item for item in items if item.name in val]
    return splits


def _no_pairs(found: folders.Files, labels: folders.Files) -> str:
    """The message for folders of which no image has a label."""
    name = next(iter(found.by_name))
    image, label = found.path(name), labels.path(name)
    message = (
        f"None of {count(len(found.by_name), 'image')} has its label: for {image} "
        f"there is no {label}."
    )
    beside = folders.namesakes(label) if labels.folder != found.folder else []
    if beside:
        return message + (
            f" There is {beside[0]}: labels must be PNGs, which keep every value."
        )
    longer = {path.stem for path in labels.folder.rglob(f"{image.stem}?*.png")}
    if len(longer) != 1:
        return message
    return message + (
        f" There is {longer.pop()}.png: build_folder_data.py takes labels with longer "
        "names if --label_suffix says by what."
    )
