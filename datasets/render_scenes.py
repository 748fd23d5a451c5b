r"""Renders street scenes with labels: data for a first try, nothing downloaded.

python datasets/render_scenes.py --output_dir=quickstart/scenes

Eight classes seen in perspective, from two to hundreds of pixels high, with textures,
haze and light. Colours do not tell the classes apart: walls may be as grey as the road
or as green as trees. Convert the result with build_folder_data.py (g3doc/own_data.md).
"""

import dataclasses
import json
import os
import pathlib
import sys
from collections.abc import Callable, Sequence

import numpy as np
from absl import app, flags
from PIL import Image, ImageDraw

_OUTPUT = flags.DEFINE_string("output_dir", None, "Folder to write.", required=True)
_TRAIN = flags.DEFINE_integer("num_train", 240, "Training images.", lower_bound=1)
_VAL = flags.DEFINE_integer("num_val", 40, "Validation images.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Other seeds, other scenes.", lower_bound=0)
_HEIGHT = flags.DEFINE_integer("height", 192, "Height in pixels.", lower_bound=32)
_WIDTH = flags.DEFINE_integer("width", 256, "Width in pixels.", lower_bound=32)

SKY, BUILDING, ROAD, PAVEMENT, TREE, CAR, SIGN, PERSON = range(8)
CLASSES = (
    ("sky", (70, 130, 180)),
    ("building", (110, 80, 80)),
    ("road", (128, 64, 128)),
    ("pavement", (244, 35, 232)),
    ("tree", (107, 142, 35)),
    ("car", (0, 0, 142)),
    ("sign", (220, 220, 0)),
    ("person", (220, 20, 60)),
)
# Strength of the fine, middle and coarse texture of each class.
_TEXTURE = np.array(
    [
        (0.00, 0.01, 0.04),
        (0.05, 0.06, 0.10),
        (0.10, 0.06, 0.12),
        (0.07, 0.10, 0.12),
        (0.20, 0.25, 0.10),
        (0.02, 0.02, 0.08),
        (0.03, 0.03, 0.05),
        (0.06, 0.12, 0.05),
    ],
    np.float32,
)
_OVERSAMPLING = 2
_FARTHEST_M = 70.0

Color = np.ndarray  # Red, green, blue, 0..255.


@dataclasses.dataclass
class Street:
    """A picture in the making: camera, weather, image and labels.

    Positions are in metres: `x` to the right of the camera, `up` from the ground, `z`
    away from it.
    """

    rng: np.random.Generator
    size: tuple[int, int]
    horizon_px: float
    centre_px: float
    focal_px: float
    camera_m: float
    haze: Color
    haze_m: float
    image: ImageDraw.ImageDraw
    label: ImageDraw.ImageDraw

    def pixel(self, x: float, up: float, z: float) -> tuple[float, float]:
        """Where a point is seen: column and row."""
        scale = self.focal_px / z
        return self.centre_px + x * scale, self.horizon_px + (
            self.camera_m - up
        ) * scale

    def fill(self, color: Color, z: float) -> tuple[int, ...]:
        """A colour as it looks from a distance."""
        share = np.exp(-z / self.haze_m)
        mixed = share * np.asarray(color) + (1 - share) * self.haze
        return tuple(np.clip(mixed, 0, 255).astype(int).tolist())

    def polygon(
        self, points: Sequence[tuple[float, float, float]], color: Color, kind: int
    ) -> None:
        """Fills a polygon of `(x, up, z)` points; its first point gives the haze."""
        pixels = [self.pixel(*point) for point in points]
        self.image.polygon(pixels, fill=self.fill(color, points[0][2]))
        self.label.polygon(pixels, fill=kind)

    def box(
        self, x: Sequence[float], up: Sequence[float], z: float, color: Color, kind: int
    ) -> None:
        """Fills an upright rectangle that faces the camera."""
        (x0, x1), (up0, up1) = x, up
        corners = [(x0, up0, z), (x1, up0, z), (x1, up1, z), (x0, up1, z)]
        self.polygon(corners, color, kind)

    def oval(
        self,
        x: float,
        up: float,
        z: float,
        radii: Sequence[float],
        color: Color,
        kind: int,
    ) -> None:
        """Fills an ellipse that faces the camera; `radii` across and up, in metres."""
        left, top = self.pixel(x - radii[0], up + radii[1], z)
        right, bottom = self.pixel(x + radii[0], up - radii[1], z)
        extent = (left, top, max(right, left + 1), max(bottom, top + 1))
        self.image.ellipse(extent, fill=self.fill(color, z))
        self.label.ellipse(extent, fill=kind)


def render(rng: np.random.Generator, size: tuple[int, int]):
    """One scene.

    Args:
        rng: Decides everything.
        size: Height and width in pixels.

    Returns:
        Image uint8 `[height, width, 3]` and label uint8 `[height, width]`.
    """
    height, width = (_OVERSAMPLING * side for side in size)
    horizon = height * rng.uniform(0.38, 0.55)
    sky = _sky(rng, (height, width), horizon)
    image, label = Image.fromarray(sky), Image.new("L", (width, height), SKY)
    street = Street(
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


def _ground(street: Street, half_road: float) -> None:
    """Pavement everywhere, the road on it, lane marks on the road."""
    rng, near, far = street.rng, 0.5, 1000.0
    greys = rng.uniform(70, 190, 2)
    tint = rng.uniform(-12, 12, (2, 3))
    pavement, road = greys[:, None] + tint
    _strip(street, (-400, 400), (near, far), pavement, PAVEMENT)
    kerb = np.clip(road + 50, 0, 255)
    _strip(street, (-half_road - 0.25, half_road + 0.25), (near, far), kerb, PAVEMENT)
    _strip(street, (-half_road, half_road), (near, far), road, ROAD)
    for z in np.arange(rng.uniform(2, 5), _FARTHEST_M, 5).tolist():
        _strip(street, (-0.08, 0.08), (z, z + 2), np.array([225] * 3), ROAD)
    if rng.random() < 0.3:
        z = rng.uniform(6, 20)
        for x in np.arange(-half_road + 0.3, half_road - 0.5, 1.0).tolist():
            _strip(street, (x, x + 0.5), (z, z + 3), np.array([220] * 3), ROAD)


def _strip(
    street: Street, x: Sequence[float], z: Sequence[float], color: Color, kind: int
) -> None:
    corners = [(x[0], z[0]), (x[0], z[1]), (x[1], z[1]), (x[1], z[0])]
    street.polygon([(a, 0.0, b) for a, b in corners], color, kind)


def _things(street: Street, half_road: float) -> None:
    """Everything that stands, from far to near."""
    rng = street.rng
    things: list[tuple[float, Callable[..., None], tuple]] = []
    for side in (-1, 1):
        kerb = side * half_road
        wall = kerb + side * rng.uniform(3, 8)
        z = rng.uniform(3, 12)
        while z < _FARTHEST_M:
            length = rng.uniform(6, 18)
            if rng.random() < 0.8:
                things.append((z, _building, (wall, side, length)))
            z += length + float(rng.choice([0.0, 0.0, 4.0, 10.0]))
        for draw, number, reach in (
            (_tree, 4, 2.5),
            (_sign, 3, 1.0),
            (_person, 5, 3.0),
        ):
            for _ in range(rng.integers(number + 1)):
                x = kerb + side * rng.uniform(0.4, reach)
                things.append((_depth(rng), draw, (x,)))
    for _ in range(rng.integers(1, 7)):
        x = rng.choice([-1, 1]) * rng.uniform(0.3, 0.75) * half_road
        things.append((_depth(rng), _car, (x,)))
    if rng.random() < 0.3:
        things.append((_depth(rng), _person, (rng.uniform(-1, 1) * half_road,)))
    for z, draw, arguments in sorted(things, key=lambda thing: -thing[0]):
        draw(street, z, *arguments)


def _depth(rng: np.random.Generator) -> float:
    """A distance; as many things in 4..8 metres as in 8..16."""
    return float(np.exp(rng.uniform(np.log(4.5), np.log(50))))


def _building(street: Street, z: float, wall: float, side: int, length: float) -> None:
    rng = street.rng
    storeys, storey = rng.integers(1, 7), rng.uniform(2.8, 3.6)
    top = storeys * storey + rng.uniform(0.2, 1.5)
    color = rng.uniform(60, 220) + rng.uniform(-45, 45, 3)
    glass = rng.uniform(30, 140) + np.array([-10, 0, 15])
    shade = rng.uniform(0.6, 0.95)
    far, out = z + length, wall + side * rng.uniform(8, 20)
    facade = [(wall, 0.0, z), (wall, 0.0, far), (wall, top, far), (wall, top, z)]
    street.polygon(facade, shade * color, BUILDING)
    street.box((wall, out), (0.0, top), z, color, BUILDING)
    width, gap = rng.uniform(0.8, 1.6), rng.uniform(1.0, 2.0)
    for floor in range(storeys):
        low, high = floor * storey + 0.9, floor * storey + storey - 0.6
        for a in np.arange(z + gap / 2, far - width, width + gap).tolist():
            pane = [(low, a), (low, a + width), (high, a + width), (high, a)]
            street.polygon([(wall, up, b) for up, b in pane], shade * glass, BUILDING)
        for a in np.arange(gap / 2, abs(out - wall) - width, width + gap).tolist():
            x = wall + side * a
            street.box((x, x + side * width), (low, high), z, glass, BUILDING)


def _tree(street: Street, z: float, x: float) -> None:
    rng = street.rng
    trunk, crown = rng.uniform(1.5, 3.0), rng.uniform(0.9, 2.2)
    bark = np.array([90, 70, 50]) * rng.uniform(0.6, 1.3)
    leaf = np.array([(70, 110, 40), (110, 130, 60), (150, 100, 40), (60, 85, 60)])
    color = leaf[rng.integers(4)] * rng.uniform(0.6, 1.3)
    half = rng.uniform(0.08, 0.2)
    street.box((x - half, x + half), (0.0, trunk + crown), z, bark, TREE)
    for shade in (0.7, 1.0, 1.25):
        for _ in range(9 if z < 25 else 4):
            angle, reach = rng.uniform(0, 2 * np.pi), crown * rng.uniform(0, 0.75)
            dx, up = reach * np.cos(angle), trunk + crown + reach * np.sin(angle)
            radius = crown * rng.uniform(0.2, 0.45)
            street.oval(x + dx, up, z, (radius, radius), shade * color, TREE)


def _car(street: Street, z: float, x: float) -> None:
    rng = street.rng
    half, body, roof = (
        rng.uniform(0.8, 1.0),
        rng.uniform(0.8, 1.1),
        rng.uniform(1.3, 2.2),
    )
    color = rng.uniform(30, 230) + rng.uniform(-60, 60, 3)
    glass, black = np.array([60, 70, 85]) * rng.uniform(0.5, 1.5), np.array([25] * 3)
    street.oval(x, 0.0, z, (1.15 * half, 0.12), black + 20, ROAD)
    for wheel in (-0.78, 0.78):
        at = x + wheel * half
        street.box((at - 0.12, at + 0.12), (0.0, 0.45), z, black, CAR)
    for inset, pane, fill in ((0.72, 0.0, 0.9 * color), (0.66, 0.1, glass)):
        cabin = [(-0.95 + pane, body), (0.95 - pane, body), (inset, roof - pane)]
        cabin.append((-inset, roof - pane))
        street.polygon([(x + a * half, up, z) for a, up in cabin], fill, CAR)
    street.box((x - half, x + half), (0.25, body), z, color, CAR)
    street.box((x - half, x + half), (0.25, 0.4), z, 0.5 * color, CAR)
    lamp = np.array([(230, 40, 30), (250, 245, 200)][rng.integers(2)])
    for at in (-0.85, 0.6):
        left = x + at * half
        street.box((left, left + 0.25 * half), (0.6, 0.75), z, lamp, CAR)


def _sign(street: Street, z: float, x: float) -> None:
    rng = street.rng
    top, half = rng.uniform(2.0, 3.2), rng.uniform(0.25, 0.45)
    colors = np.array([(200, 30, 30), (30, 70, 180), (230, 190, 20), (60, 130, 60)])
    color, white = colors[rng.integers(4)], np.array([235] * 3)
    pole = np.array([rng.uniform(70, 190)] * 3)
    street.box((x - 0.05, x + 0.05), (0.0, top), z, pole, SIGN)
    shape = rng.integers(3)
    for share, fill in ((1.0, color), (0.65, white)):
        r = share * half
        if shape == 0:
            street.oval(x, top, z, (r, r), fill, SIGN)
        elif shape == 1:
            street.box((x - r, x + r), (top - r, top + r), z, fill, SIGN)
        else:
            corners = [(x - r, top - r, z), (x + r, top - r, z), (x, top + r, z)]
            street.polygon(corners, fill, SIGN)


def _person(street: Street, z: float, x: float) -> None:
    rng = street.rng
    tall = rng.uniform(1.2, 1.9)
    coat, trousers = rng.uniform(20, 230, (2, 3))
    skin = np.array([220, 180, 150]) * rng.uniform(0.4, 1.1)
    stride = rng.uniform(0.02, 0.14) * tall
    for foot in (-stride, stride):
        leg = [(foot - 0.06, 0.0), (foot + 0.07, 0.0), (0.09, 0.5), (-0.09, 0.5)]
        street.polygon([(x + a, up * tall, z) for a, up in leg], trousers, PERSON)
    torso = [(-0.11, 0.46), (0.11, 0.46), (0.14, 0.82), (-0.14, 0.82)]
    points = [(x + a * tall, up * tall, z) for a, up in torso]
    street.polygon(points, coat, PERSON)
    for side in (-1, 1):
        arm = [(0.12, 0.81), (0.16, 0.8), (0.19, 0.5), (0.15, 0.48)]
        points = [(x + side * a * tall, up * tall, z) for a, up in arm]
        street.polygon(points, 0.85 * coat, PERSON)
    street.oval(x, 0.91 * tall, z, (0.065 * tall, 0.085 * tall), skin, PERSON)


def _finish(street: Street, image: np.ndarray, label: np.ndarray):
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
    """Writes images, labels, lists and classes.json; the lists come last.

    Args:
        folder: Where to; files of an earlier run are replaced.
        splits: Number of images of each split.
        size: Height and width in pixels.
        seed: The same seed gives the same files.

    Raises:
        OSError: If the folder cannot be written, or holds another data set's classes.
    """
    classes = [{"name": name, "color": color} for name, color in CLASSES]
    classes_json = json.dumps({"classes": classes}, indent=1)
    there = folder / "classes.json"
    if there.is_file() and there.read_text() != classes_json:
        raise FileExistsError(f"{there} is of another data set; choose another folder.")
    for name in ("images", "labels", "lists"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for split in splits:
        (folder / "lists" / f"{split}.txt").unlink(missing_ok=True)
    for number, (split, count) in enumerate(splits.items()):
        for i in range(count):
            image, label = render(np.random.default_rng((seed, number, i)), size)
            name = f"{split}_{i:05d}"
            Image.fromarray(image).save(folder / f"images/{name}.jpg", quality=92)
            Image.fromarray(label).save(folder / f"labels/{name}.png")
            _show(split, i + 1, count)
    _write_text(there, classes_json)
    for split, count in splits.items():
        names = "".join(f"{split}_{i:05d}\n" for i in range(count))
        _write_text(folder / "lists" / f"{split}.txt", names)


def _write_text(path: pathlib.Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text)
    os.replace(temporary, path)


def _show(split: str, done: int, total: int) -> None:
    if sys.stderr.isatty() or done == total:
        end = "\n" if done == total else "\r"
        print(f"{split}: {done}/{total} images", end=end, file=sys.stderr, flush=True)


def main(argv: list[str]) -> int:
    """Renders and says what came out."""
    if len(argv) > 1:
        raise app.UsageError(f"Unexpected arguments: {argv[1:]}")
    folder = pathlib.Path(_OUTPUT.value)
    splits = {"train": _TRAIN.value, "val": _VAL.value}
    try:
        write(folder, splits, (_HEIGHT.value, _WIDTH.value), _SEED.value)
    except OSError as e:
        print(f"The scenes cannot be written: {e}", file=sys.stderr)
        return 1
    print(f"{sum(splits.values())} scenes in {folder}. Convert them with")
    print(
        f"  python datasets/build_folder_data.py --image_dir={folder}/images "
        f"--label_dir={folder}/labels --list_dir={folder}/lists "
        f"--classes_json={folder}/classes.json --output_dir={folder}/records "
        "--name=scenes"
    )
    return 0


if __name__ == "__main__":
    app.run(main)
