"""Folders as people keep them: links followed, hidden files not, endings as written."""

import dataclasses
import functools
import os
import pathlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.formatting import some

SPLITS = {
    "train": "train",
    "training": "train",
    "trainval": "trainval",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
"""What folders and lists are called, in small letters, and which split each one is."""
_NEAR_SPLIT = re.compile(f"({'|'.join(SPLITS)})(?![a-z])")


@dataclasses.dataclass(frozen=True)
class Files:
    """The files below a folder that have one of some endings, by their names without.

    Endings may be long (`_leftImg8bit.png`); capitals do not matter in them. Names are
    paths below the folder, compared as composed Unicode (NFC).
    """

    folder: pathlib.Path
    endings: Sequence[str]
    others: str | None = None  # Files of this ending are something else.
    without: Sequence[pathlib.Path] = ()  # Folders of something else, if below.

    @functools.cached_property
    def by_name(self) -> dict[str, list[pathlib.Path]]:
        """The files of each name, in the order of the names; several are a mistake."""
        if not self.folder.is_dir():
            raise DatasetError(f"There is no folder {self.folder}.")
        lower = sorted((e.lower() for e in self.endings), key=len, reverse=True)
        found: dict[str, list[pathlib.Path]] = {}
        for path in walk(self.folder, without=self.without):
            there = path.name.lower()
            if self.others is not None and there.endswith(self.others.lower()):
                continue
            ending = next((e for e in lower if there.endswith(e)), None)
            if ending is not None:
                name = path.relative_to(self.folder).as_posix()[: -len(ending)]
                found.setdefault(composed(name), []).append(path)
        return dict(sorted(found.items()))

    def path(self, name: str) -> pathlib.Path:
        """The one file of this name, or where it should be; an error for several."""
        found = self.by_name.get(composed(name), [])
        distinct = [
            p for i, p in enumerate(found) if not any(map(p.samefile, found[:i]))
        ]
        if len(distinct) > 1:
            raise DatasetError(
                f"{self.folder} has several files named {name!r}: "
                f"{', '.join(path.name for path in distinct)}. Keep one of them."
            )
        return found[0] if found else self.folder / f"{name}{self.endings[0]}"


def walk(
    folder: pathlib.Path, hidden: bool = False, without: Sequence[pathlib.Path] = ()
) -> Iterator[pathlib.Path]:
    """The files below a folder, in order, and links that lead nowhere; hidden ones on
    request. Linked folders are followed, but none into a folder that it lies in, nor
    into those to do without.
    """

    def entered(place: pathlib.Path, above: frozenset) -> Iterator[pathlib.Path]:
        above |= {os.path.realpath(place)}
        for path in sorted(place.iterdir()):
            if path.name.startswith(".") and not hidden:
                continue
            if not path.is_dir():
                yield path
            elif os.path.realpath(path) not in above:
                yield from entered(path, above)

    return entered(folder, frozenset(map(os.path.realpath, without)))


def split_of(name: str) -> str:
    """The split that a folder's or a list's name says: `Valid` is val."""
    return SPLITS.get(name.lower(), name)


def check_near_splits(paths: Iterable[pathlib.Path]) -> None:
    """Fails for folders that seem to be splits, as `train2017` and `val2017` do: what
    is called otherwise would be mixed.
    """
    near = {p.name: _NEAR_SPLIT.match(p.name.lower()) for p in paths}
    found = {name: split_of(match[1]) for name, match in near.items() if match}
    if "train" in found.values() and len(set(found.values())) > 1:
        raise DatasetError(
            f"The folders {some(sorted(found), 6)} seem to be splits, and would be "
            "mixed: call them train, val and test, or give lists."
        )


def composed(name: str) -> str:
    """A name in NFC, as most systems write it; Macs took its accents apart. An error
    for one that is no text.
    """
    try:
        name.encode()
    except UnicodeEncodeError as e:
        raise DatasetError(
            f"The file name {name!a} is not UTF-8: rename it (`convmv` turns names of "
            "another encoding)."
        ) from e
    return unicodedata.normalize("NFC", name)


def namesakes(path: pathlib.Path) -> list[str]:
    """The files in a missing one's folder that are called so but for the ending."""
    if not path.parent.is_dir():
        return []
    stem = composed(path.stem).lower()
    there = sorted(p.name for p in path.parent.iterdir() if p != path)
    return [n for n in there if composed(pathlib.Path(n).stem).lower() == stem]
