"""Whether colours and ids of label files belong together, and what to do if not."""

import pathlib
from collections.abc import Sequence

import numpy as np

from deeplab_dpc.conversion.labels import files, palettes
from deeplab_dpc.conversion.labels.files import LabelError, LabelFile
from deeplab_dpc.data import colormaps
from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.formatting import count, some

ClassColors = tuple[palettes.Color | None, ...]  # None: nobody gave this class one.

_CHOICE = (
    "Pass --label_palette=classes if the colours tell the classes, or "
    "--label_palette=indices if the numbers do and the palette is decoration."
)


def check_order(file: LabelFile, colors: ClassColors, ignore_label: int) -> None:
    """Fails (`LabelError`) if a palette shows a class's colour at an index not its id.

    An editor that saves a palette anew gives its colours other numbers. A grey ramp is
    no palette of classes, and the ignore label may have any colour.
    """
    assert file.palette is not None  # For the type checker.
    if is_grey_ramp(file.palette):
        return
    wrong = []
    for i, color in _used(file).items():
        owners = [j for j, known in enumerate(colors) if known == color]
        if i != ignore_label and owners and i not in owners:
            wrong.append(f"index {i} is {palettes.text(color)}, class {owners[0]}'s")
    if wrong:
        raise LabelError(
            f"{file.path} is a palette PNG whose colours are in another order than the "
            f"classes: {some(wrong, 4)}. An editor may have renumbered it. {_CHOICE}"
        )


def check_same(paths: Sequence[pathlib.Path]) -> None:
    """Fails (`LabelError`) if an index has different colours in two palette PNGs.

    Then the indices cannot be ids. Only the heads of the files are read, but where
    palettes differ, whole files: what a palette says of unused indices is no matter.
    """
    by_palette: dict[bytes, list[pathlib.Path]] = {}
    for path in paths:
        palette = files.read_palette(path)
        if palette is not None and not is_grey_ramp(palette):
            by_palette.setdefault(palette.tobytes(), []).append(path)
    if len(by_palette) < 2:
        return
    seen: dict[int, tuple[tuple[int, ...], pathlib.Path]] = {}
    for path in (path for same in by_palette.values() for path in same):
        try:
            used = _used(files.read(path))
        except LabelError:
            continue  # The conversion reports it.
        for i, color in used.items():
            known, where = seen.setdefault(i, (color, path))
            if known != color:
                raise LabelError(
                    f"The label files have palettes that differ: index {i} is "
                    f"{palettes.text(known)} in {where}, but {palettes.text(color)} in "
                    f"{path}. Such indices are no class ids. {_CHOICE}"
                )


def colour_message(file: LabelFile, colors: ClassColors) -> str:
    """What is wrong with a colour picture as a label, and which flag reads it."""
    pixels = file.pixels
    bands = 1 if pixels.ndim == 2 else pixels.shape[2]
    message = (
        f"{file.path} is a picture of mode {file.mode}, {count(bands, 'channel')}; a "
        "label must hold one class id a pixel (a grey or palette PNG). "
    )
    if bands < 3 or pixels.dtype != np.uint8:
        return message + "Save it as a grey PNG of ids, without transparency."
    rgb = pixels[..., :3]
    if (rgb == rgb[..., :1]).all():
        return message + (
            "Its channels are equal: save one of them as a grey PNG, or have "
            "build_folder_data.py read the ids from them: --label_palette=grey."
        )
    found, counts = used_colors(rgb)
    notes = [
        f"{palettes.text(color)} {count(number, 'pixel')} "
        f"({100 * number / counts.sum():.3g}%)"
        for color, number in zip(found, counts)
    ]
    return message + (
        f"It has {count(len(found), 'colour')}: {some(notes, 6)}. "
        f"{_advice(found, colors)}"
    )


def used_colors(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct colours of `[..., 3]` uint8, commonest first, and their counts."""
    codes, counts = np.unique(palettes.encode(rgb), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    codes, counts = codes[order], counts[order]
    colors = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=-1)
    return colors.astype(np.uint8), counts


def is_grey_ramp(palette: np.ndarray) -> bool:
    """Whether each index is shown as its own grey."""
    ramp = np.arange(len(palette), dtype=np.uint8)[:, None]
    return bool(len(palette)) and bool((palette == ramp).all())


def _used(file: LabelFile) -> dict[int, tuple[int, ...]]:
    """The colour of each index that occurs in a palette PNG."""
    if file.palette is None:
        return {}
    indices = [int(i) for i in np.unique(file.pixels) if i < len(file.palette)]
    return {i: tuple(map(int, file.palette[i])) for i in indices}


def _advice(found: np.ndarray, colors: ClassColors) -> str:
    """Which palette these colours are of, as the flag to pass."""
    codes = palettes.encode(found)
    given = [c for c in colors if c is not None]
    if given and np.isin(codes, palettes.encode(np.array(given, np.uint8))).all():
        return "All of them are classes' colours: pass --label_palette=classes."
    for name in palettes.NAMES:
        try:
            known = palettes.named(name, len(colors))
        except DatasetError:
            continue
        if known.find(found)[1].all():
            return (
                f"All of them are in the palette {name}, which build_folder_data.py "
                f"takes with --label_palette={name}."
            )
    if len(found) > len(colormaps.pascal(256)):
        return (
            "So many colours are those of a photograph, or of a label that was "
            "smoothed, resized or saved as JPEG: give the label as it was drawn."
        )
    return (
        "For build_folder_data.py give each class its colour in --classes_json and "
        "pass --label_palette=classes, or pass --label_palette=colours.json with "
        f'{{"{",".join(map(str, found[0].tolist()))}": "a class", ...}} and null for '
        "what is to be ignored."
    )
