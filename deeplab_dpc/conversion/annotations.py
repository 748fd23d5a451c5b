"""Annotations by shapes (labelme, COCO, CVAT) painted as label PNGs.

A pixel has the class of the last shape that covers it, in the file's order. Which
pixels a polygon covers is pycocotools' answer, whatever program the polygon is from.
"""

import base64
import io
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

from deeplab_dpc import files
from deeplab_dpc.conversion import folders
from deeplab_dpc.conversion.labels.own_classes import Classes
from deeplab_dpc.data import DatasetError, images, records
from deeplab_dpc.formatting import clipped, some
from deeplab_dpc.progress import Progress

BACKGROUNDS = ("background", "_background_")
"""If the first class is called so, it is where no shape is; else that is ignored."""
IGNORED = "__ignore__"
"""What labelme calls a shape of ignored pixels; COCO's crowds are ignored, too."""
_KINDS = "labelme's JSON files, a COCO JSON file, or CVAT's XML for images"


class Shape(NamedTuple):
    """An outline's inside, or a mask."""

    label: str
    polygons: Sequence[Sequence[float]] = ()  # Each x, y, x, y, ... of one shape.
    mask: np.ndarray | None = None  # `[h, w]` bool, instead.
    corner: tuple[int, int] = (0, 0)  # Row and column of the mask's first pixel.
    rle: Mapping[str, Any] | None = None  # pycocotools' packed whole mask, instead.


class Drawing(NamedTuple):
    """What a file says of one image."""

    image: str  # Its path as the file has it.
    size: tuple[int, int]  # Height and width.
    shapes: Sequence[Shape]
    file: pathlib.Path


def paint_all(
    annotations: pathlib.Path,
    image_dir: pathlib.Path,
    label_dir: pathlib.Path,
    classes: Classes,
    suffix: str = "",
) -> list[pathlib.Path]:
    """Writes a label PNG for each annotated image, at its place below `image_dir`, its
    name ending in `suffix`; gives the files that were read. `DatasetError`, and nothing
    written, for a folder with files in it, a class of another name, or an image that is
    not there.
    """
    if label_dir.is_dir() and any(label_dir.iterdir()):
        raise DatasetError(
            f"--label_dir={label_dir} has files; with --annotations labels are written "
            "there: name a folder that is new or empty, or leave out --annotations if "
            "these are the labels."
        )
    drawings = list(read(annotations))
    _check_names(drawings, classes.names)
    places = _places(drawings, image_dir)
    with Progress(len(drawings), "painting labels") as progress:
        for drawing, place in zip(drawings, places):
            path = label_dir / place.with_name(f"{place.stem}{suffix}.png")
            files.made_folder(path.parent)
            files.write(path, records.encode_png(painted(drawing, classes)))
            progress.advance()
    return list(dict.fromkeys(drawing.file for drawing in drawings))


def painted(drawing: Drawing, classes: Classes) -> np.ndarray:
    """The ids of the image's pixels, `[height, width]` uint8."""
    ids, ignored = {n: i for i, n in enumerate(classes.names)}, classes.ignore_label
    has_background = classes.names[0].lower() in BACKGROUNDS
    label = np.full(drawing.size, 0 if has_background else ignored, np.uint8)
    for shape in drawing.shapes:
        label[_inside(shape, drawing.size)] = ids.get(shape.label, ignored)
    return label


def _inside(shape: Shape, size: tuple[int, int]) -> np.ndarray:
    """The pixels of a shape, `[height, width]` bool; what lies outside is cut off."""
    if shape.rle is not None:
        return coco_mask.decode(shape.rle).astype(bool)
    if shape.mask is None:
        outlines = coco_mask.frPyObjects(list(shape.polygons), *size)
        return coco_mask.decode(coco_mask.merge(outlines)).astype(bool)
    found = np.zeros(size, bool)
    rows, columns = (c + np.arange(n) for c, n in zip(shape.corner, shape.mask.shape))
    is_row, is_column = (
        (rows >= 0) & (rows < size[0]),
        (columns >= 0) & (columns < size[1]),
    )
    found[np.ix_(rows[is_row], columns[is_column])] = shape.mask[
        np.ix_(is_row, is_column)
    ]
    return found


def read(path: pathlib.Path) -> Iterator[Drawing]:
    """The drawings of a file, or of all JSON and XML files in a folder."""
    found = [path]
    if path.is_dir():
        endings = (".json", ".xml")
        found = [p for p in folders.walk(path) if p.suffix.lower() in endings]
    if not found or not path.exists():
        raise DatasetError(f"--annotations={path} has no files; give {_KINDS}.")
    for file in found:
        try:
            yield from _read_file(file)
        except (KeyError, ValueError, TypeError, IndexError, OSError) as e:
            if isinstance(e, DatasetError):
                raise
            said = f"{type(e).__name__}: {clipped(str(e), 200)}"
            raise DatasetError(f"{file} cannot be read as {_KINDS} ({said}).") from e


def _read_file(file: pathlib.Path) -> Iterator[Drawing]:
    if file.suffix.lower() == ".xml":
        try:
            yield from _cvat(file, ElementTree.parse(file).getroot())
        except ElementTree.ParseError as e:
            raise DatasetError(f"{file} is no XML: {e}.") from e
        return
    facts = files.parse_json(files.read_bytes(file).decode("utf-8-sig"))
    if isinstance(facts, dict) and "shapes" in facts:
        yield _labelme(file, facts)
    elif isinstance(facts, dict) and {"images", "annotations"} <= facts.keys():
        yield from _coco(file, facts)
    else:
        raise DatasetError(
            f"{file} has neither labelme's `shapes` nor COCO's `images` and "
            f"`annotations`. --annotations takes {_KINDS}."
        )


def _labelme(file: pathlib.Path, facts: Mapping[str, Any]) -> Drawing:
    shapes = [_labelme_shape(file, shape) for shape in facts["shapes"]]
    size = int(facts["imageHeight"]), int(facts["imageWidth"])
    name = str(facts["imagePath"]).replace("\\", "/").rpartition("/")[2]
    return Drawing(name, size, shapes, file)


def _labelme_shape(file: pathlib.Path, shape: Mapping[str, Any]) -> Shape:
    kind, label = shape.get("shape_type", "polygon"), str(shape["label"])
    points = np.array(shape["points"], float).reshape(-1, 2)
    if kind == "mask":
        with Image.open(io.BytesIO(base64.b64decode(shape["mask"]))) as picture:
            mask = np.asarray(picture.convert("L")) > 0
        column, row = map(int, points[0])
        return Shape(label, mask=mask, corner=(row, column))
    if kind == "rectangle":
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        return Shape(label, [_box(left, top, right, bottom)])
    if kind == "circle":
        radius = float(np.hypot(*(points[1] - points[0])))
        x, y = points[0]
        return Shape(label, [_ellipse(x, y, radius, radius)])
    if kind == "polygon":
        return Shape(label, [_outline(points.ravel())])
    raise DatasetError(
        f"{file}: a shape of {label!r} is a {clipped(str(kind), 50)}, which has no "
        "inside; draw polygons, rectangles, circles or masks."
    )


def _coco(file: pathlib.Path, facts: Mapping[str, Any]) -> Iterator[Drawing]:
    names = {c["id"]: str(c["name"]) for c in facts["categories"]}
    by_image: dict[Any, list[Shape]] = {one["id"]: [] for one in facts["images"]}
    sizes = {i["id"]: (int(i["height"]), int(i["width"])) for i in facts["images"]}
    for one in facts["annotations"]:
        crowd = one.get("iscrowd", 0)
        label = IGNORED if crowd else names[one["category_id"]]
        found = one["segmentation"]
        if isinstance(found, dict):
            rle = found
            if isinstance(found["counts"], list):
                rle = coco_mask.frPyObjects(found, *sizes[one["image_id"]])
            shape = Shape(label, rle=rle)
        else:
            shape = Shape(label, [_outline(polygon) for polygon in found])
        by_image[one["image_id"]].append(shape)
    for one in facts["images"]:
        shapes = by_image[one["id"]]
        yield Drawing(str(one["file_name"]), sizes[one["id"]], shapes, file)


def _cvat(file: pathlib.Path, root: ElementTree.Element) -> Iterator[Drawing]:
    for image in root.iter("image"):
        size = int(image.attrib["height"]), int(image.attrib["width"])
        drawn = sorted(image, key=lambda s: int(s.get("z_order", 0)))
        shapes = [_cvat_shape(file, s.tag, s.attrib) for s in drawn if s.tag != "tag"]
        yield Drawing(image.attrib["name"], size, shapes, file)


def _cvat_shape(file: pathlib.Path, tag: str, facts: Mapping[str, str]) -> Shape:
    label = facts["label"]
    if tag == "polygon":
        points = facts["points"].replace(";", ",").split(",")
        return Shape(label, [_outline([float(value) for value in points])])
    if tag == "box":
        sides = (float(facts[side]) for side in ("xtl", "ytl", "xbr", "ybr"))
        return Shape(label, [_box(*sides)])
    if tag == "ellipse":
        given = (float(facts[name]) for name in ("cx", "cy", "rx", "ry"))
        return Shape(label, [_ellipse(*given)])
    if tag == "mask":
        runs = [int(run) for run in facts["rle"].split(",")]
        values = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
        mask = values.reshape(int(facts["height"]), int(facts["width"]))
        return Shape(label, mask=mask, corner=(int(facts["top"]), int(facts["left"])))
    raise DatasetError(
        f"{file}: a shape of {label!r} is a {clipped(tag, 50)}, which has no inside; "
        "draw polygons, boxes, ellipses or masks."
    )


def _outline(values: Iterable[float]) -> list[float]:
    found = [float(value) for value in values]
    if len(found) < 6 or len(found) % 2 or not np.isfinite(found).all():
        raise ValueError(f"a polygon of {len(found)} numbers; it has 3 points or more")
    return found


def _box(left: float, top: float, right: float, bottom: float) -> list[float]:
    return [left, top, right, top, right, bottom, left, bottom]


def _ellipse(x: float, y: float, width: float, height: float) -> list[float]:
    """An ellipse of these radii, as a polygon within 0.2 % of them."""
    angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    points = x + width * np.cos(angles), y + height * np.sin(angles)
    return np.stack(points, axis=1).ravel().tolist()


def _check_names(drawings: Sequence[Drawing], names: Sequence[str]) -> None:
    unknown: dict[str, pathlib.Path] = {}
    known = {*names, IGNORED}
    for drawing in drawings:
        for shape in drawing.shapes:
            if shape.label not in known:
                unknown.setdefault(shape.label, drawing.file)
    if unknown:
        name, file = next(iter(unknown.items()))
        raise DatasetError(
            f"{file} has shapes of {clipped(repr(name), 100)}, which is no class "
            f"(unknown: {some(sorted(unknown), 5)}). The classes are "
            f"{some(names, 20)}: correct --classes_json, or call shapes to be "
            f"ignored {IGNORED}."
        )


def _places(drawings: Sequence[Drawing], image_dir: pathlib.Path) -> list[pathlib.Path]:
    """Where each drawing's image lies below the images' folder: by its path, or by its
    name where only one image has it. `DatasetError` for none, several, or one twice.
    """
    there = folders.Files(image_dir, images.ENDINGS).by_name
    paths = [path.relative_to(image_dir) for found in there.values() for path in found]
    by_path = {path.as_posix(): path for path in paths}
    by_name: dict[str, list[pathlib.Path]] = {}
    for path in paths:
        by_name.setdefault(path.name, []).append(path)
    used: dict[pathlib.Path, Drawing] = {}
    for drawing in drawings:
        name = folders.composed(drawing.image.replace("\\", "/"))
        found = (
            [by_path[name]]
            if name in by_path
            else by_name.get(name.rpartition("/")[2], [])
        )
        if len(found) != 1:
            what = f"{len(found)} images of that name" if found else "no such image"
            raise DatasetError(
                f"{drawing.file} is about {clipped(drawing.image, 200)}, but there is "
                f"{what} in --image_dir={image_dir}."
            )
        if found[0] in used:
            raise DatasetError(
                f"{image_dir / found[0]} is in {used[found[0]].file} and in "
                f"{drawing.file}; keep one of them."
            )
        used[found[0]] = drawing
    return list(used)
