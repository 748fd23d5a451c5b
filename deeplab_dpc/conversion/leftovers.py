"""What lies among a data set's files and is used by none of its splits, by reason."""

import os
import pathlib
from collections.abc import Mapping

from deeplab_dpc.conversion import folders
from deeplab_dpc.conversion.sources import Source
from deeplab_dpc.data import images
from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.formatting import count, some

UNLISTED = "in no list"  # Lists are there to choose: these are counted, not refused.
_NOWHERE = "leading nowhere"
_HIDDEN = "hidden"
_COMPANION = "called as one that is used"
_PICTURES = (
    *images.ENDINGS,
    *(".gif", ".heic", ".heif", ".avif", ".jp2", ".j2k", ".jxl", ".ppm", ".pgm"),
    *(".pnm", ".tga", ".psd", ".dng", ".exr", ".raw", ".npy"),
)
_SHOWN = 3

Found = Mapping[str, list[pathlib.Path]]


def find(source: Source) -> Found:
    """The files below the source's roots, and in the folder of its lists, that no split
    uses, by the reason; each one once. A file called as one that is used (`0001.json`
    beside `0001.jpg`) is its companion.
    """
    items = [item for items in source.splits.values() for item in items]
    used = {path for i in items for path in (i.image, i.label) if path}
    known = set(map(os.path.realpath, (*source.read, *source.stray_lists)))
    names = {_name(path) for path in used}
    names |= {(i.label.parent, _name(i.image)[1]) for i in items if i.label}
    why = dict.fromkeys(source.stray_lists, "listing no image")
    for root, reason in source.roots.items():
        for path in folders.walk(root, hidden=True) if root.is_dir() else ():
            if any(p.startswith(".") for p in path.relative_to(root).parts):
                why.setdefault(path, _HIDDEN)
            elif _name(path) in names:
                why.setdefault(path, _COMPANION)
            else:
                why.setdefault(path, _why(path, reason))
    found: dict[str, list[pathlib.Path]] = {}
    for path, left in why.items():
        is_known = path not in source.stray_lists and os.path.realpath(path) in known
        if path not in used and not is_known:
            found.setdefault(left, []).append(path)
    return {reason: sorted(paths) for reason, paths in found.items()}


def _name(path: pathlib.Path) -> tuple[pathlib.Path, str]:
    return path.parent, folders.composed(path.stem).lower()


def _why(path: pathlib.Path, reason: str) -> str:
    """Why a file is in no split: it leads nowhere, is no image, or as the root says."""
    if not path.exists():
        return _NOWHERE
    ending = path.suffix.lower()
    return reason if ending in images.ENDINGS else f"ending in {ending or 'nothing'}"


def check(found: Found) -> None:
    """Fails if what is left out is more than a stray file of its kind."""
    for reason, paths in found.items():
        if reason in (UNLISTED, _HIDDEN, _COMPANION):
            continue
        pictures = [p for p in paths if p.suffix.lower() in _PICTURES]
        if len(pictures) > 1 or reason == _NOWHERE:
            raise DatasetError(
                f"{count(len(paths), 'file')} would be left out, {reason}: "
                f"{some([str(p) for p in paths], _SHOWN)}. Images must end in "
                f"{', '.join(images.ENDINGS)}, labels in .png, and lie in folders of "
                "splits if there are any (train, val, test). Move, rename or save them "
                "so, or pass --skip_bad to go on without them."
            )


def line(found: Found) -> list[str]:
    """One sentence on all that is left out; none if nothing is."""
    parts = [
        f"{count(len(paths), 'file')} {reason} (such as {paths[0]})"
        for reason, paths in sorted(found.items())
    ]
    return [f"Not used: {'; '.join(parts)}."] if parts else []
