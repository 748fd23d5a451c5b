"""What the fuzz tests share: outcomes, small pictures, and a process that prints.

A fuzz test runs in a process of its own, so that a crash or a hang of a decoder is seen
from outside. Every case follows from its number alone.
"""

import dataclasses
import faulthandler
import io
import json
import sys
from collections.abc import Callable, Iterable

import numpy as np
from PIL import Image

from deeplab_dpc.data.dataset_info import DatasetError

LIMIT_S = 100  # For one case, or one group of cases; then the process ends itself.


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a case: `refused` (all of it, by name), `skipped` (some),
    `harmless` (nothing is wrong, or nothing that has a checksum), `invisible` (a label
    changed together with its checksum), `lost` (records are missing, and only the
    file's checksum tells), or `WRONG`, which must not be.
    """

    case: int
    how: str  # The mutation.
    result: str
    detail: str = ""  # The message, or what is wrong.


def picture(random: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """A smooth image, `[height, width, 3]` uint8."""
    coarse = random.integers(0, 256, (4, 5, 3), np.uint8)
    image = Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BILINEAR)
    return np.asarray(image)


def encoded(image: np.ndarray | Image.Image, format: str, **options) -> bytes:
    """An image file's bytes."""
    buffer = io.BytesIO()
    if not isinstance(image, Image.Image):
        image = Image.fromarray(image)
    image.save(buffer, format, **options)
    return buffer.getvalue()


def told(do: Callable[[], object]) -> str:
    """The message of a `DatasetError`, or nothing."""
    try:
        do()
    except DatasetError as e:
        return str(e)
    return ""


def main(run: Callable[[int, int], Iterable[Outcome]]) -> None:
    """Prints the outcomes of the cases that the command line says: first, count."""
    first, count = map(int, sys.argv[1:])
    faulthandler.enable()
    faulthandler.dump_traceback_later(LIMIT_S, exit=True)
    for outcome in run(first, count):
        faulthandler.dump_traceback_later(LIMIT_S, exit=True)
        print(json.dumps(dataclasses.asdict(outcome)), flush=True)
