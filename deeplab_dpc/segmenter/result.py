"""What is predicted for one image."""

import dataclasses
import functools
import io
import os
import pathlib
from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from PIL import Image

from deeplab_dpc import files
from deeplab_dpc.formatting import percent, some
from deeplab_dpc.reports import image_sheets, pictures
from deeplab_dpc.reports.pictures import Palette
from deeplab_dpc.reports.sheet import Legend, sheet
from deeplab_dpc.segmenter.sources import SourceError

Kind = Literal["overlay", "colors", "ids"]
KINDS: tuple[str, ...] = get_args(Kind)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Segmentation:
    """The classes of one image's pixels; a notebook shows it as a picture.

    Attributes:
        image: `[height, width, 3]` uint8 RGB, upright as its camera says.
        labels: `[height, width]` uint8 class ids.
        palette: The classes' names and colours.
        name: The file's name without its ending, with a frame's number; or `image_3`.
        path: The file, of an image or a video; None for what came from memory.
        predict: Finds the probabilities of an image.
    """

    image: np.ndarray
    labels: np.ndarray
    palette: Palette
    name: str
    path: pathlib.Path | None
    predict: Callable[[np.ndarray], np.ndarray]

    @property
    def class_names(self) -> tuple[str, ...]:
        """In the order of the ids."""
        return self.palette.names

    def shares(self) -> dict[str, float]:
        """Each class that occurs and its share of the pixels, the largest first."""
        seen = self.palette.occurring(self.labels)
        return {self.class_names[c]: float((self.labels == c).mean()) for c in seen}

    @functools.cached_property
    def probabilities(self) -> np.ndarray:
        """`[height, width, classes]` float32; the model runs again when first asked."""
        return self.predict(self.image)

    def overlay(self, opacity: float = 0.55) -> Image.Image:
        """The image under its classes' colours, white lines between classes."""
        drawn = pictures.overlay(self.image, self.labels, self.palette, opacity)
        return Image.fromarray(drawn)

    def picture(self, kind: Kind = "overlay") -> Image.Image:
        """The overlay, the classes in their `colors`, or their `ids` as grey values."""
        match kind:
            case "overlay":
                return self.overlay()
            case "colors":
                return Image.fromarray(self.palette.paint(self.labels))
            case "ids":
                return Image.fromarray(self.labels)
        raise SourceError(f"{kind!r} is no picture; there are {', '.join(KINDS)}.")

    def save(
        self, path: str | os.PathLike[str], kind: Kind = "overlay"
    ) -> pathlib.Path:
        """Writes a `picture`, whole or not at all, in the format of the path's ending;
        colours and ids as PNG. `SourceError` for another ending.
        """
        target, picture = files.local(path), self.picture(kind)
        Image.init()
        image_format = Image.registered_extensions().get(target.suffix.lower(), "")
        legal = Image.SAVE if kind == "overlay" else ("PNG",)
        if image_format not in legal:
            raise SourceError(
                f"{path}: {kind} cannot be written so; let the name end in .png."
            )
        buffer = io.BytesIO()
        picture.save(buffer, image_format)
        files.made_folder(target.parent)
        files.write(target, buffer.getvalue())
        return target

    def _repr_png_(self) -> bytes:
        """The overlay with a legend, for notebooks."""
        entries = image_sheets.legend_entries(self.palette, self.labels, None)
        legend = Legend(entries, "classes, with their share of the image")
        drawn = sheet([("", np.asarray(self.overlay()))], legend, self.name)
        buffer = io.BytesIO()
        Image.fromarray(drawn).save(buffer, "PNG")
        return buffer.getvalue()

    def __repr__(self) -> str:
        shares = [f"{name} {percent(share)}" for name, share in self.shares().items()]
        height, width = self.labels.shape
        return f"<Segmentation {self.name}, {width} x {height}: {some(shares, 5)}>"
