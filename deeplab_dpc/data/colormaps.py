"""Colour maps of the usual data sets, and of classes without colours of their own."""

from collections.abc import Sequence

import numpy as np

from deeplab_dpc.data import dataset_info

Color = tuple[int, int, int]

IGNORED: Color = (255, 255, 255)
"""What is no class, in pictures of labels: plain, or with stripes of `STRIPES`."""
STRIPES: Color = (178, 180, 186)
WRONG: tuple[Color, ...] = ((255, 120, 0), (255, 0, 255), (75, 0, 90), (0, 255, 0))
"""Wrong pixels: the first of these that is no class's colour, see `wrong`."""
_APART, _NEIGHBOURS_APART = 13, 30  # In CIELAB, where an eye tells 2.3 apart.

_MAPILLARY = """
    a52a2a 00c000 c4c4c4 be9999 b4a5b4 66669c 66669c 8040ff 8c8cc8 aaaaaa faaaa0
    606060 e6968c 804080 6e6e6e f423e8 966464 464646 96785a dc143c ff0000 ff0000
    ff0000 c88080 ffffff 40aa40 804040 4682b4 ffffff 98fb98 6b8e23 00aa1e ffff80
    fa001e 000000 dcdcdc aaaaaa de2828 64aa1e 282828 212121 aaaaaa 00008e aaaaaa
    d2aa64 999999 808080 00008e faaa1e c0c0c0 dcdc00 b4a5b4 770b20 00008e 003c64
    00008e 00005a 0000e6 005064 804040 00006e 000046 0000c0 202020 000000 000000
"""
_XYZ = np.array(  # Of linear red, green and blue.
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
)


def pascal(num_colors: int = 512) -> np.ndarray:
    """PASCAL VOC's colour map, `[num_colors, 3]` uint8, at most 2**24 rows.

    The bits of a label are dealt out to red, green and blue: bit 0 is red's highest
    bit, bit 1 green's, bit 2 blue's, bit 3 red's second highest, and so on.
    """
    labels = np.arange(num_colors)
    colors = np.zeros((num_colors, 3), np.uint8)
    for bit in range(24):
        channel, place = bit % 3, 7 - bit // 3
        colors[:, channel] |= (((labels >> bit) & 1) << place).astype(np.uint8)
    return colors


def pascal_colors(num_classes: int) -> tuple[Color, ...]:
    """The same for this many classes, as a data set's facts hold them."""
    return tuple((r, g, b) for r, g, b in pascal(num_classes).tolist())


def cityscapes() -> np.ndarray:
    """Cityscapes' colours by train id, `[256, 3]` uint8; black from 19 on."""
    colors = np.zeros((256, 3), np.uint8)
    colors[:19] = dataset_info.known("cityscapes").colors
    return colors


def ade20k() -> np.ndarray:
    """ADE20K's colours, `[151, 3]` uint8; 0 (nothing labelled) is black."""
    return np.array(dataset_info.known("ade20k").colors, np.uint8)


def mapillary() -> np.ndarray:
    """Mapillary Vistas' colours, `[66, 3]` uint8."""
    table = np.frombuffer(bytes.fromhex(_MAPILLARY), np.uint8)
    return table.reshape(-1, 3).copy()


def distinct(given: Sequence[Color | None]) -> tuple[Color, ...]:
    """Classes' colours: those given, else the first of PASCAL's that is far enough from
    all others, farther from the neighbours', and from what is no class, or wrong.

    Two of up to 255 classes differ by 13 in CIELAB at least, neighbours by 30 (with
    PASCAL's in their own order: by 1.5 of 150 classes, and by 19).
    """
    table, found = pascal(4096), list(given)
    points = lab(table)

    def away(color: Color) -> np.ndarray:
        return np.linalg.norm(points - lab(color), axis=-1)

    marks = (IGNORED, STRIPES, WRONG[0])
    taken = np.min([away(c) for c in (*marks, *given) if c is not None], axis=0)
    for i in (i for i, color in enumerate(given) if color is None):
        beside = [away(c) for c in found[max(0, i - 1) : i + 2] if c is not None]
        far = [taken / _APART, *(other / _NEIGHBOURS_APART for other in beside)]
        red, green, blue = table[np.argmax(np.minimum(np.min(far, axis=0), 1))].tolist()
        found[i] = (red, green, blue)
        taken = np.minimum(taken, away((red, green, blue)))
    return tuple(color for color in found if color is not None)


def wrong(colors: Sequence[Color]) -> Color:
    """The first of `WRONG` that is none of these colours, nor near one."""
    apart = lab(WRONG)[:, None] - lab(colors)
    nearest = np.linalg.norm(apart, axis=-1).min(axis=1)
    return WRONG[int(np.argmax(np.minimum(nearest, _APART)))]


def lab(colors: np.ndarray | Sequence[Color] | Color) -> np.ndarray:
    """sRGB colours, `[..., 3]` in 0..255, in CIELAB (D65): distances as seen."""
    shares = np.asarray(colors, np.float64) / 255
    curved = ((shares + 0.055) / 1.055) ** 2.4
    xyz = np.where(shares <= 0.04045, shares / 12.92, curved) @ _XYZ.T
    whole = _XYZ.sum(axis=1)  # White.
    light = xyz / whole
    light = np.where(light > 0.008856, np.cbrt(light), light * 841 / 108 + 4 / 29)
    x, y, z = np.moveaxis(light, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def colormap(name: str) -> np.ndarray:
    """The colour map that `--colormap_type` names; `ValueError` for other names."""
    maps = {f.__name__: f for f in (pascal, cityscapes, ade20k, mapillary)}
    if name not in maps:
        raise ValueError(f"No colour map {name!r}; there are {', '.join(maps)}.")
    return maps[name]()
