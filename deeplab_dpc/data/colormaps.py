"""Colour maps of the usual data sets, and of classes without colours of their own."""

from collections.abc import Sequence

import numpy as np

Color = tuple[int, int, int]

IGNORED: Color = (255, 255, 255)
"""What is no class, in pictures of labels: plain, or with stripes of `STRIPES`."""
STRIPES: Color = (178, 180, 186)
WRONG: tuple[Color, ...] = ((255, 120, 0), (255, 0, 255), (75, 0, 90), (0, 255, 0))
"""Wrong pixels: the first of these that is no class's colour, see `wrong`."""
_APART, _NEIGHBOURS_APART = 13, 30  # In CIELAB, where an eye tells 2.3 apart.

_CITYSCAPES = """
    804080 f423e8 464646 66669c be9999 999999 faaa1e dcdc00 6b8e23 98fb98 4682b4
    dc143c ff0000 00008e 000046 003c64 005064 0000e6 770b20
"""
_CAMVID = """
    808080 800000 c0c080 804080 3c28de 808000 c08080 404080 400080 404000 0080c0
"""
_ADE20K = """
    000000 787878 b47878 06e6e6 503232 04c803 787850 8c8c8c cc05ff e6e6e6 04fa07
    e005ff ebff07 96053d 787846 08ff33 ff0652 8fff8c ccff04 ff3307 cc4603 0066c8
    3de6fa ff0633 0b66ff ff0747 ff09e0 0907e6 dcdcdc ff095c 7009ff 08ffd6 07ffe0
    ffb806 0aff47 ff290a 07ffff e0ff08 6608ff ff3d06 ffc207 ff7a08 00ff14 ff0829
    ff0599 0633ff eb0cff a09614 00a3ff 8c8c8c fa0a0f 14ff00 1fff00 ff1f00 ffe000
    99ff00 0000ff ff4700 00ebff 00adff 1f00ff 0bc8c8 ff5200 00fff5 003dff 00ff70
    00ff85 ff0000 ffa300 ff6600 c2ff00 008fff 33ff00 0052ff 00ff29 00ffad 0a00ff
    adff00 00ff99 ff5c00 ff00ff ff00f5 ff0066 ffad00 ff0014 ffb8b8 001fff 00ff3d
    0047ff ff00cc 00ffc2 00ff52 000aff 0070ff 3300ff 00c2ff 007aff 00ffa3 ff9900
    00ff0a ff7000 8fff00 5200ff a3ff00 ffeb00 08b8aa 8500ff 00ff5c b800ff ff001f
    00b8ff 00d6ff ff0070 5cff00 00e0ff 70e0ff 46b8a0 a300ff 9900ff 47ff00 ff00a3
    ffcc00 ff008f 00ffeb 85ff00 ff00eb f500ff ff007a fff500 0abed4 d6ff00 00ccff
    1400ff ffff00 0099ff 0029ff 00ffcc 2900ff 29ff00 ad00ff 00f5ff 4700ff 7a00ff
    00ffb8 005cff b8ff00 0085ff ffd600 19c2c2 66ff00 5c00ff
"""
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


def cityscapes() -> np.ndarray:
    """Cityscapes' colours by train id, `[256, 3]` uint8; black from 19 on."""
    colors = np.zeros((256, 3), np.uint8)
    colors[:19] = _parse(_CITYSCAPES)
    return colors


def ade20k() -> np.ndarray:
    """ADE20K's colours, `[151, 3]` uint8; 0 (nothing labelled) is black."""
    return _parse(_ADE20K)


def camvid() -> np.ndarray:
    """CamVid's colours, `[11, 3]` uint8."""
    return _parse(_CAMVID)


def mapillary() -> np.ndarray:
    """Mapillary Vistas' colours, `[66, 3]` uint8."""
    return _parse(_MAPILLARY)


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


def _parse(table: str) -> np.ndarray:
    return np.frombuffer(bytes.fromhex(table), np.uint8).reshape(-1, 3).copy()
