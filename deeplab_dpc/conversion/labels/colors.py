"""Labels that are pictures: each colour stands for a class."""

import dataclasses
import pathlib

import numpy as np

from deeplab_dpc.conversion.labels import files, palette_checks, palettes, reading
from deeplab_dpc.conversion.labels.files import LabelError, LabelFile
from deeplab_dpc.formatting import count, some

_NEAR = 48.0  # Euclidean distance of colours that may have been one.
_BLEND = 6.0  # Distance from the line between two colours of a blend of them.
_SEVERAL = 3  # So many colours between the known ones are no forgotten class.


@dataclasses.dataclass(frozen=True)
class Colors:
    """Reads labels by their colours: RGB, RGBA without transparency, palette PNGs."""

    palette: palettes.LabelPalette  # Any other colour is an error.

    def __call__(self, path: pathlib.Path) -> np.ndarray:
        """The ids, `[height, width]` uint8; a `LabelError` for an unknown colour."""
        file = files.read(path)
        rgb = opaque_rgb(file) if file.palette is None else file.palette
        ids, known = self.palette.find(rgb)
        if file.palette is not None:
            if file.pixels.max(initial=0) >= len(rgb):
                raise LabelError(
                    f"{path} is damaged: it uses index {file.pixels.max()}, but its "
                    f"palette has {count(len(rgb), 'colour')}."
                )
            ids, known = ids[file.pixels], known[file.pixels]
        if not known.all():
            rgb = rgb if file.palette is None else rgb[file.pixels]
            raise LabelError(self._unknown(path, rgb, known))
        return ids

    def _unknown(self, path: pathlib.Path, rgb: np.ndarray, known: np.ndarray) -> str:
        """The message for colours that are not in the palette."""
        colors, counts = palette_checks.used_colors(rgb[~known])
        nearest = [self._nearest(color) for color in colors[:256]]
        notes = [
            f"{palettes.text(color)} {count(number, 'pixel')}"
            + (f" (near {name}, {palettes.text(like)})" if near <= _NEAR else "")
            for color, number, (near, name, like) in zip(colors[:4], counts, nearest)
        ]
        notes += [""] * (len(colors) - len(notes))
        message = (
            f"{path}: the colours of {counts.sum():,} of {count(known.size, 'pixel')} "
            f"are not in the palette ({self.palette.name}): {some(notes, 4)}. "
        )
        between = sum(map(self._is_between, colors[:256])) > len(nearest) / 2
        if between and len(colors) >= _SEVERAL:
            return message + (
                "Such colours between the known ones come from smoothed edges, JPEG, "
                "or resizing: export the labels again without anti-aliasing, as PNG, "
                "and resize them by nearest neighbour only."
            )
        return message + (
            "Add the colour to the palette: to --classes_json (a class's color, or "
            "ignore_colors for what counts for nothing), or to a JSON file for "
            "--label_palette."
        )

    def _is_between(self, color: np.ndarray) -> bool:
        """Whether a colour is near a known one, or on the way from one to another."""
        known = np.array(sorted({c for c, _ in self.palette.entries}), float)
        line = known[None] - known[:, None]
        to_color = (color.astype(float) - known)[:, None]
        share = (to_color * line).sum(-1) / np.maximum((line**2).sum(-1), 1.0)
        off = to_color - share.clip(0.0, 1.0)[..., None] * line
        near = np.linalg.norm(to_color, axis=-1).min() <= _NEAR
        return bool(near or np.linalg.norm(off, axis=-1).min() <= _BLEND)

    def _nearest(self, color: np.ndarray) -> tuple[float, str, palettes.Color]:
        """Distance, name and colour of the nearest entry."""
        known = np.array([c for c, _ in self.palette.entries], float)
        distances = np.linalg.norm(known - color.astype(float), axis=1)
        i = int(distances.argmin())
        return float(distances[i]), self.palette.names[i], self.palette.entries[i][0]


@dataclasses.dataclass(frozen=True)
class GreyIds:
    """Reads RGB pictures whose three channels are equal: the value is the id."""

    num_classes: int
    ignore_label: int  # In the files.

    def __call__(self, path: pathlib.Path) -> np.ndarray:
        """The ids, `[height, width]` uint8; a `LabelError` for a coloured picture."""
        file = files.read(path)
        rgb = opaque_rgb(file)
        if not (rgb == rgb[..., :1]).all():
            raise LabelError(palette_checks.colour_message(file, ()))
        label = rgb[..., 0]
        reading.check_label(label, self.num_classes, self.ignore_label, path)
        return reading.to_record(label, self.ignore_label)


def opaque_rgb(file: LabelFile) -> np.ndarray:
    """A picture's colours, `[height, width, 3]` uint8; neither 16 bits nor alpha."""
    pixels = file.pixels
    if pixels.dtype != np.uint8:
        raise LabelError(
            f"{file.path} has {8 * pixels.dtype.itemsize} bits a channel (mode "
            f"{file.mode}); a label of colours has 8. Save it as an 8-bit PNG."
        )
    if file.mode in ("LA", "RGBA"):
        clear = int((pixels[..., -1] != 255).sum())
        if clear:
            raise LabelError(
                f"{file.path}: there is no class to read from the colours of "
                f"{count(clear, 'transparent pixel')}. Save the label without "
                "transparency (flatten it)."
            )
        pixels = pixels[..., :-1]
    if file.mode == "1":
        pixels = pixels * np.uint8(255)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3))
