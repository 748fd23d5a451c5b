"""Facts about the usual data sets: names, colours, sizes.

Where the original knew a data set, class order, ignore label and split sizes are the
original's, so that records which its converters wrote are read without a
`dataset.json`.
"""

import dataclasses
from collections.abc import Mapping

from deeplab_dpc.data import colormaps

_VOC = """background, aeroplane, bicycle, bird, boat, bottle, bus, car, cat, chair, cow,
dining table, dog, horse, motorbike, person, potted plant, sheep, sofa, train,
tv monitor"""

_CITYSCAPES = """road, sidewalk, building, wall, fence, pole, traffic light,
traffic sign, vegetation, terrain, sky, person, rider, car, truck, bus, train,
motorcycle, bicycle"""

_PERSON_PART = """background, head, torso, upper arms, lower arms, upper legs,
lower legs"""

_CAMVID = """sky, building, pole, road, pavement, tree, sign symbol, fence, car,
pedestrian, bicyclist"""

_ADE20K = """other, wall, building, sky, floor, tree, ceiling, road, bed, windowpane,
grass, cabinet, sidewalk, person, earth, door, table, mountain, plant, curtain, chair,
car, water, painting, sofa, shelf, house, sea, mirror, rug, field, armchair, seat,
fence, desk, rock, wardrobe, lamp, bathtub, railing, cushion, base, box, column,
signboard, chest of drawers, counter, sand, sink, skyscraper, fireplace, refrigerator,
grandstand, path, stairs, runway, case, pool table, pillow, screen door, stairway,
river, bridge, bookcase, blind, coffee table, toilet, flower, book, hill, bench,
countertop, stove, palm, kitchen island, computer, swivel chair, boat, bar,
arcade machine, hovel, bus, towel, light, truck, tower, chandelier, awning,
streetlight, booth, television, airplane, dirt track, apparel, pole, land, bannister,
escalator, ottoman, bottle, buffet, poster, stage, van, ship, fountain, conveyer belt,
canopy, washer, plaything, swimming pool, stool, barrel, basket, waterfall, tent, bag,
minibike, cradle, oven, ball, food, step, tank, trade name, microwave, pot, animal,
bicycle, lake, dishwasher, projection screen, blanket, sculpture, hood, sconce, vase,
traffic light, tray, ashcan, fan, pier, crt screen, plate, monitor, bulletin board,
shower, radiator, glass, clock, flag"""

_COCO_STUFF = """person, bicycle, car, motorcycle, airplane, bus, train, truck, boat,
traffic light, fire hydrant, street sign, stop sign, parking meter, bench, bird, cat,
dog, horse, sheep, cow, elephant, bear, zebra, giraffe, hat, backpack, umbrella, shoe,
eye glasses, handbag, tie, suitcase, frisbee, skis, snowboard, sports ball, kite,
baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle, plate, wine
glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot,
hot dog, pizza, donut, cake, chair, couch, potted plant, bed, mirror, dining table,
window, desk, toilet, door, tv, laptop, mouse, remote, keyboard, cell phone, microwave,
oven, toaster, sink, refrigerator, blender, book, clock, vase, scissors, teddy bear,
hair drier, toothbrush, hair brush, banner, blanket, branch, bridge, building-other,
bush, cabinet, cage, cardboard, carpet, ceiling-other, ceiling-tile, cloth, clothes,
clouds, counter, cupboard, curtain, desk-stuff, dirt, door-stuff, fence, floor-marble,
floor-other, floor-stone, floor-tile, floor-wood, flower, fog, food-other, fruit,
furniture-other, grass, gravel, ground-other, hill, house, leaves, light, mat, metal,
mirror-stuff, moss, mountain, mud, napkin, net, paper, pavement, pillow, plant-other,
plastic, platform, playingfield, railing, railroad, river, road, rock, roof, rug, salad,
sand, sea, shelf, sky-other, skyscraper, snow, solid-other, stairs, stone, straw,
structural-other, table, tent, textile-other, towel, tree, vegetable, wall-brick,
wall-concrete, wall-other, wall-panel, wall-stone, wall-tile, wall-wood, water-other,
waterdrops, window-blind, window-other, wood"""

_COCO_UNUSED = (
    *("street sign", "hat", "shoe", "eye glasses", "plate", "mirror", "window"),
    *("desk", "door", "blender", "hair brush"),
)

Colors = tuple[colormaps.Color, ...]


@dataclasses.dataclass(frozen=True)
class Facts:
    """What is known of one data set; `DatasetInfo` says what each field means."""

    class_names: tuple[str, ...]
    colors: Colors
    ignore_label: int
    split_sizes: Mapping[str, int]


def facts(name: str) -> Facts | None:
    """What is known of the data set of this name; None for an unknown one."""
    return _KNOWN.get(name)


def names() -> tuple[str, ...]:
    """The data sets that are known."""
    return tuple(_KNOWN)


def coco_stuff_unused() -> tuple[int, ...]:
    """Ids of COCO-Stuff's 182 that no label has: 11 things that COCO gave up."""
    return tuple(i for i, n in enumerate(_split(_COCO_STUFF)) if n in _COCO_UNUSED)


def size_note(name: str, sizes: Mapping[str, int]) -> str | None:
    """One line about splits that have not the published number of images, if any."""
    known = facts(name)
    published = known.split_sizes if known else {}
    other = [
        f"{split} {size:,} of {published[split]:,}"
        for split, size in sizes.items()
        if published.get(split, size) != size
    ]
    return f"Not the published number of images: {', '.join(other)}." if other else None


def pascal_colors(num_classes: int) -> Colors:
    """PASCAL's colours for this many classes."""
    return _rows(colormaps.pascal(num_classes))


def _rows(table) -> Colors:
    return tuple((int(r), int(g), int(b)) for r, g, b in table)


def _split(text: str) -> tuple[str, ...]:
    return tuple(" ".join(name.split()) for name in text.split(","))


_KNOWN = {
    "pascal_voc_seg": Facts(
        _split(_VOC),
        pascal_colors(21),
        255,
        {"train": 1464, "train_aug": 10582, "trainval": 2913, "val": 1449},
    ),
    "cityscapes": Facts(
        _split(_CITYSCAPES),
        _rows(colormaps.cityscapes()[:19]),
        255,
        {
            "train_fine": 2975,
            "train_coarse": 22973,
            "trainval_fine": 3475,
            "trainval_coarse": 23473,
            "val_fine": 500,
            "test_fine": 1525,
        },
    ),
    "ade20k": Facts(
        _split(_ADE20K), _rows(colormaps.ade20k()), 0, {"train": 20210, "val": 2000}
    ),
    "pascal_person_part": Facts(
        _split(_PERSON_PART), pascal_colors(7), 255, {"train": 1716, "val": 1817}
    ),
    "coco_stuff": Facts(
        tuple(n + " (unused)" * (n in _COCO_UNUSED) for n in _split(_COCO_STUFF)),
        colormaps.distinct([None] * 182),
        255,
        {"train": 118287, "val": 5000},
    ),
    "camvid": Facts(
        _split(_CAMVID),
        _rows(colormaps.camvid()),
        255,
        {"train": 367, "val": 101, "test": 233},
    ),
}
