"""A street in the making, and what stands in it."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from PIL import ImageDraw

SKY, BUILDING, ROAD, PAVEMENT, TREE, CAR, SIGN, PERSON = range(8)

Color = np.ndarray  # Red, green, blue, 0..255.


@dataclasses.dataclass
class Street:
    """A picture in the making: camera, weather, image and labels. Positions are in
    metres: `x` to the right of the camera, `up` from the ground, `z` away from it.
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
        row = self.horizon_px + (self.camera_m - up) * scale
        return self.centre_px + x * scale, row

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

    def strip(
        self, x: Sequence[float], z: Sequence[float], color: Color, kind: int
    ) -> None:
        """Fills a rectangle on the ground."""
        corners = [(x[0], z[0]), (x[0], z[1]), (x[1], z[1]), (x[1], z[0])]
        self.polygon([(a, 0.0, b) for a, b in corners], color, kind)

    def oval(
        self, at: Sequence[float], radii: Sequence[float], color: Color, kind: int
    ) -> None:
        """Fills an ellipse around `(x, up, z)`; `radii` across and up, in metres."""
        (x, up, z), (across, high) = at, radii
        left, top = self.pixel(x - across, up + high, z)
        right, bottom = self.pixel(x + across, up - high, z)
        extent = (left, top, max(right, left + 1), max(bottom, top + 1))
        self.image.ellipse(extent, fill=self.fill(color, z))
        self.label.ellipse(extent, fill=kind)


def building(street: Street, z: float, wall: float, side: int, length: float) -> None:
    """A house along the street, its windows too; `wall` is its side of the road."""
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


def tree(street: Street, z: float, x: float) -> None:
    """A trunk and a crown of ovals."""
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
            street.oval((x + dx, up, z), (radius, radius), shade * color, TREE)


def car(street: Street, z: float, x: float) -> None:
    """A car seen from the front or the back."""
    rng = street.rng
    half, body = rng.uniform(0.8, 1.0), rng.uniform(0.8, 1.1)
    roof = rng.uniform(1.3, 2.2)
    color = rng.uniform(30, 230) + rng.uniform(-60, 60, 3)
    glass, black = np.array([60, 70, 85]) * rng.uniform(0.5, 1.5), np.array([25] * 3)
    street.oval((x, 0.0, z), (1.15 * half, 0.12), black + 20, ROAD)
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


def sign(street: Street, z: float, x: float) -> None:
    """A round, square or three-cornered sign on a pole."""
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
            street.oval((x, top, z), (r, r), fill, SIGN)
        elif shape == 1:
            street.box((x - r, x + r), (top - r, top + r), z, fill, SIGN)
        else:
            corners = [(x - r, top - r, z), (x + r, top - r, z), (x, top + r, z)]
            street.polygon(corners, fill, SIGN)


def person(street: Street, z: float, x: float) -> None:
    """Somebody who stands or walks."""
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
    street.oval((x, 0.91 * tall, z), (0.065 * tall, 0.085 * tall), skin, PERSON)
