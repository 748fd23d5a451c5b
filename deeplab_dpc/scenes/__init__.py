"""Street scenes with labels, rendered: data for a first try, nothing downloaded.

Eight classes seen in perspective, from two to hundreds of pixels high, with textures,
haze and light. Colours do not tell the classes apart: walls may be as grey as the road
or as green as trees.
"""

import io
import json
import pathlib
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from deeplab_dpc import files
from deeplab_dpc.progress import Progress
from deeplab_dpc.scenes import things

# Name, colour, and strength of the fine, middle and coarse texture of each class.
_KINDS = (
    ("sky", (70, 130, 180), (0.00, 0.01, 0.04)),
    ("building", (110, 80, 80), (0.05, 0.06, 0.10)),
    ("road", (128, 64, 128), (0.10, 0.06, 0.12)),
    ("pavement", (244, 35, 232), (0.07, 0.10, 0.12)),
    ("tree", (107, 142, 35), (0.20, 0.25, 0.10)),
    ("car", (0, 0, 142), (0.02, 0.02, 0.08)),
    ("sign", (220, 220, 0), (0.03, 0.03, 0.05)),
    ("person", (220, 20, 60), (0.06, 0.12, 0.05)),
)
CLASSES = tuple((name, color) for name, color, _ in _KINDS)
_TEXTURE = np.array([texture for *_, texture in _KINDS], np.float32)
_OVERSAMPLING = 2
_FARTHEST_M = 70.0


def render(rng: np.random.Generator, size: tuple[int, int]):
    """One scene, uint8 `[height, width, 3]`, and its label, uint8 `[height, width]`."""
    height, width = (_OVERSAMPLING * side for side in size)
    horizon = height * rng.uniform(0.38, 0.55)
    sky = _sky(rng, (height, width), horizon)
    image, label = Image.fromarray(sky), Image.new("L", (width, height), things.SKY)
    street = things.Street(
        rng=rng,
        size=(height, width),
        horizon_px=horizon,
        centre_px=width * rng.uniform(0.3, 0.7),
        focal_px=width * rng.uniform(0.75, 1.1),
        camera_m=rng.uniform(1.4, 2.2),
        haze=sky[int(horizon) - 1].mean(axis=0),
        haze_m=rng.choice([60.0, 120.0, 400.0]),
        image=ImageDraw.Draw(image),
        label=ImageDraw.Draw(label),
    )
    half_road = rng.uniform(3.0, 5.0)
    _ground(street, half_road)
    _things(street, half_road)
    return _finish(street, np.asarray(image), np.asarray(label))


def _sky(rng: np.random.Generator, size: tuple[int, int], horizon: float) -> np.ndarray:
    """`[height, width, 3]` uint8: clouds on a gradient, from blue to grey to dusk."""
    tops = ((70, 120, 200), (150, 160, 170), (90, 90, 140), (190, 200, 210))
    bottoms = ((190, 210, 230), (200, 200, 200), (240, 180, 130), (225, 225, 220))
    pick = rng.integers(len(tops))
    down = np.clip(np.linspace(0, size[0] / horizon, size[0]), 0, 1)[:, None, None]
    color = (1 - down) * np.array(tops[pick]) + down * np.array(bottoms[pick])
    clouds = np.clip(_noise(rng, size, 90) - 0.2, 0, 1)[..., None] * rng.uniform(0, 0.6)
    return np.clip(color + clouds * (245 - color), 0, 255).astype(np.uint8)


def _ground(street: things.Street, half_road: float) -> None:
    """Pavement everywhere, the road on it, lane marks on the road."""
    rng, near, far = street.rng, 0.5, 1000.0
    greys = rng.uniform(70, 190, 2)
    tint = rng.uniform(-12, 12, (2, 3))
    pavement, road = greys[:, None] + tint
    street.strip((-400, 400), (near, far), pavement, things.PAVEMENT)
    kerb = np.clip(road + 50, 0, 255)
    street.strip(
        (-half_road - 0.25, half_road + 0.25), (near, far), kerb, things.PAVEMENT
    )
    street.strip((-half_road, half_road), (near, far), road, things.ROAD)
    for z in np.arange(rng.uniform(2, 5), _FARTHEST_M, 5).tolist():
        street.strip((-0.08, 0.08), (z, z + 2), np.array([225] * 3), things.ROAD)
    if rng.random() < 0.3:
        z = rng.uniform(6, 20)
        for x in np.arange(-half_road + 0.3, half_road - 0.5, 1.0).tolist():
            street.strip((x, x + 0.5), (z, z + 3), np.array([220] * 3), things.ROAD)


def _things(street: things.Street, half_road: float) -> None:
    """Everything that stands, from far to near."""
    rng = street.rng
    found: list[tuple[float, Callable[..., None], tuple]] = []
    for side in (-1, 1):
        kerb = side * half_road
        wall = kerb + side * rng.uniform(3, 8)
        z = rng.uniform(3, 12)
        while z < _FARTHEST_M:
            length = rng.uniform(6, 18)
            if rng.random() < 0.8:
                found.append((z, things.building, (wall, side, length)))
            z += length + float(rng.choice([0.0, 0.0, 4.0, 10.0]))
        crowd = ((things.tree, 4, 2.5), (things.sign, 3, 1.0), (things.person, 5, 3.0))
        for draw, number, reach in crowd:
            for _ in range(rng.integers(number + 1)):
                x = kerb + side * rng.uniform(0.4, reach)
                found.append((_depth(rng), draw, (x,)))
    for _ in range(rng.integers(1, 7)):
        x = rng.choice([-1, 1]) * rng.uniform(0.3, 0.75) * half_road
        found.append((_depth(rng), things.car, (x,)))
    if rng.random() < 0.3:
        found.append((_depth(rng), things.person, (rng.uniform(-1, 1) * half_road,)))
    for z, draw, arguments in sorted(found, key=lambda thing: -thing[0]):
        draw(street, z, *arguments)


def _depth(rng: np.random.Generator) -> float:
    """A distance; as many things in 4..8 metres as in 8..16."""
    return float(np.exp(rng.uniform(np.log(4.5), np.log(50))))


def _finish(street: things.Street, image: np.ndarray, label: np.ndarray):
    """Texture, light and the camera's noise; down to the final size."""
    rng, (height, width) = street.rng, street.size
    light = np.ones((height, width), np.float32)
    for cell, strength in zip((2, 6, 40), _TEXTURE.T):
        light += strength[label] * _noise(rng, street.size, cell)
    across = np.linspace(-1, 1, width, dtype=np.float32)
    light *= rng.uniform(0.7, 1.15) + rng.uniform(-0.15, 0.15) * across
    bright = image * light[..., None] * rng.uniform(0.9, 1.1, 3).astype(np.float32)
    n = _OVERSAMPLING
    small = bright.reshape(height // n, n, width // n, n, 3).mean(axis=(1, 3))
    small += rng.normal(0, rng.uniform(1, 6), small.shape)
    return np.clip(small, 0, 255).astype(np.uint8), label[n // 2 :: n, n // 2 :: n]


def _noise(rng: np.random.Generator, size: tuple[int, int], cell: int) -> np.ndarray:
    """Smooth noise in about -1..1, `size`, its grains `cell` pixels wide."""
    grid = rng.standard_normal([side // cell + 2 for side in size]).astype(np.float32)
    field = Image.fromarray(np.clip(grid / 2, -1, 1))
    return np.asarray(field.resize(size[::-1], Image.Resampling.BILINEAR))


def write(
    folder: pathlib.Path, splits: dict[str, int], size: tuple[int, int], seed: int
) -> None:
    """Writes so many images of each split, labels, lists and classes.json; the lists
    last.

    Files of an earlier run are replaced; the same seed gives the same files. `OSError`
    if the folder cannot be written, or holds another data set's classes.
    """
    classes = [{"name": name, "color": color} for name, color in CLASSES]
    classes_json = json.dumps({"classes": classes}, indent=1)
    there = folder / "classes.json"
    if there.is_file() and there.read_text() != classes_json:
        raise FileExistsError(f"{there} is of another data set; choose another folder.")
    for name in ("images", "labels", "lists"):
        files.made_folder(folder / name)
    for split in splits:
        (folder / "lists" / f"{split}.txt").unlink(missing_ok=True)
    for number, (split, count) in enumerate(splits.items()):
        with Progress(count, split) as progress:
            for i in range(count):
                image, label = render(np.random.default_rng((seed, number, i)), size)
                name = f"{split}_{i:05d}"
                _write(folder / f"images/{name}.jpg", image, "JPEG", quality=92)
                _write(folder / f"labels/{name}.png", label, "PNG")
                progress.advance()
    files.write(there, classes_json)
    for split, count in splits.items():
        names = "".join(f"{split}_{i:05d}\n" for i in range(count))
        files.write(folder / "lists" / f"{split}.txt", names)


def _write(path: pathlib.Path, picture: np.ndarray, kind: str, **options: int) -> None:
    """Writes a picture; Pillow itself does not notice a disk that takes half a JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, kind, **options)
    with files.naming(path):
        path.write_bytes(buffer.getvalue())
