"""Finds the images and labels of a data set that lies in folders, without lists."""

import hashlib
import pathlib
from collections.abc import Mapping, Sequence

from deeplab_dpc.conversion.sources import Item, read_list
from deeplab_dpc.data.dataset_info import DatasetError


def tree(
    images: pathlib.Path,
    image_endings: Sequence[str],
    label_dir: pathlib.Path | None,
    label_ending: str,
) -> list[Item]:
    """Every image below a folder with its label, in the order of their names.

    An image's name is its path below the folder, without ending; its label has the same
    name below `label_dir` (None: no labels). Endings may be long (`_leftImg8bit.png`);
    hidden files do not count. Where an image or a label is missing, the path that it
    should have is given: the check of all files reports it. A `DatasetError` if a
    folder is missing or empty, or no name is in both.
    """
    found = _names(images, image_endings)
    if not found:
        raise DatasetError(
            f"There are no images (*{', *'.join(image_endings)}) below {images}."
        )
    if label_dir is None:
        return [Item(name, path, None) for name, path in found.items()]
    label_files = _names(label_dir, (label_ending,))
    if found.keys().isdisjoint(label_files):
        raise DatasetError(_no_pairs(found, label_dir, label_ending))
    names = set(found)
    if label_dir.resolve() != images.resolve():  # Else other pictures may lie there.
        names |= set(label_files)
    return [
        Item(
            name,
            found.get(name, images / f"{name}{image_endings[0]}"),
            label_dir / f"{name}{label_ending}",
        )
        for name in sorted(names)
    ]


def lists(
    folder: pathlib.Path, wanted: Sequence[str], flag: str
) -> Mapping[str, list[str]]:
    """The names in each list of a folder (`<split>.txt`), or in the wanted ones if any.

    A line may hold paths, as lists of the augmented VOC do
    (`/JPEGImages/2007_000032.jpg /SegmentationClassAug/2007_000032.png`): the name is
    the first one's, without ending. `flag` names the folder in a `DatasetError`.
    """

    def name_in(line: str) -> str:
        first, *others = line.split()
        is_path = others or first.startswith("/")
        return pathlib.PurePosixPath(first).stem if is_path else line

    found = {path.stem: path for path in sorted(folder.glob("*.txt"))}
    if not found:
        raise DatasetError(
            f"There are no lists (*.txt) in {folder}. Give the data set's folder, or "
            f"that of the lists with {flag}."
        )
    missing = [split for split in wanted if split not in found]
    if missing:
        raise DatasetError(
            f"--splits names {', '.join(missing)}, but the lists in {folder} are "
            f"{', '.join(found)}."
        )
    return {
        split: [name_in(line) for line in read_list(path)]
        for split, path in found.items()
        if not wanted or split in wanted
    }


def first_label(
    folders: Sequence[pathlib.Path], name: str, endings: Sequence[str]
) -> pathlib.Path:
    """The label of this name in the first folder that has it, or where it should be."""
    paths = [f / f"{name}{ending}" for f in folders for ending in endings]
    return next((path for path in paths if path.is_file()), paths[0])


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
    count = max(1, round(val_share * len(items))) if val_share > 0 else 0
    if count >= len(items):
        raise DatasetError(
            f"Of {len(items)} images, {count} would be val and none train. Add images, "
            "or lower --val_share."
        )

    def place(item: Item) -> bytes:
        return hashlib.sha256(f"{seed}:{item.name}".encode()).digest()

    val = {item.name for item in sorted(items, key=place)[:count]}
    splits = {"train": [item for item in items if item.name not in val]}
    if val:
        splits["val"] = [item for item in items if item.name in val]
    return splits


def _names(folder: pathlib.Path, endings: Sequence[str]) -> dict[str, pathlib.Path]:
    """Files below a folder by their name without ending, in order."""
    if not folder.is_dir():
        raise DatasetError(f"There is no folder {folder}.")
    found: dict[str, pathlib.Path] = {}
    for path in sorted(folder.rglob("*")):
        ending = next((e for e in endings if path.name.endswith(e)), None)
        if ending is None or path.name.startswith(".") or not path.is_file():
            continue
        name = path.relative_to(folder).as_posix()[: -len(ending)]
        if name in found:
            raise DatasetError(
                f"{folder} has two images named {name!r}: {found[name].name} and "
                f"{path.name}. Keep one of them."
            )
        found[name] = path
    return dict(sorted(found.items()))


def _no_pairs(
    images: Mapping[str, pathlib.Path], label_dir: pathlib.Path, label_ending: str
) -> str:
    """The message for folders of which no image has a label."""
    name, image = next(iter(images.items()))
    message = (
        f"None of {len(images):,} images has its label: for {image} there is no "
        f"{label_dir / name}{label_ending}."
    )
    longer = {path.stem for path in label_dir.rglob(f"{image.stem}?*.png")}
    if len(longer) != 1:
        return message
    return message + (
        f" There is {longer.pop()}.png: build_folder_data.py takes labels with longer "
        "names if --label_suffix says by what."
    )
