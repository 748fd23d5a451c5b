"""Annotations by shapes (labelme, COCO, CVAT) painted as label PNGs.

A pixel has the class of the last shape that covers it, in the file's order. Which
pixels a polygon covers is pycocotools' answer, whatever program the polygon is from.
"""

import base64
import collections
import io
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from deeplab_dpc import files
from deeplab_dpc.conversion import folders, label_folder, shapes
from deeplab_dpc.conversion.labels.own_classes import Classes
from deeplab_dpc.conversion.shapes import Shape
from deeplab_dpc.data import DatasetError, images, records
from deeplab_dpc.formatting import clipped, some
from deeplab_dpc.progress import Progress

BACKGROUNDS = ("background", "_background_")
"""If the first class is called so, it is where no shape is; else that is ignored."""
IGNORED = "__ignore__"
"""What labelme calls a shape of ignored pixels; COCO's crowds are ignored, too."""
_KINDS = "labelme's JSON files, a COCO JSON file, or CVAT's XML for images"


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
    name ending in `suffix`; gives the files that were read. The same call goes on where
    a killed one ended. `DatasetError`, and nothing written, for a folder with other
    files in it, a class of another name, or an image that is not there.
    """
    drawings = list(read(annotations))
    if not drawings:
        raise DatasetError(f"--annotations={annotations} is about no image.")
    _check_names(drawings, classes.names)
    names = [
        place.with_name(f"{place.stem}{suffix}.png")
        for place in _places(drawings, image_dir)
    ]
    with (
        label_folder.opened(label_dir, names) as write,
        Progress(len(drawings), "painting labels") as progress,
    ):
        for drawing, name in zip(drawings, names):
            write(name, records.encode_png(painted(drawing, classes)))
            progress.advance()
    return list(dict.fromkeys(drawing.file for drawing in drawings))


def painted(drawing: Drawing, classes: Classes) -> np.ndarray:
    """The ids of the image's pixels, `[height, width]` uint8."""
    ids, ignored = {n: i for i, n in enumerate(classes.names)}, classes.ignore_label
    has_background = classes.names[0].lower() in BACKGROUNDS
    label = np.full(drawing.size, 0 if has_background else ignored, np.uint8)
    for shape in drawing.shapes:
        label[shape.inside(drawing.size)] = ids.get(shape.label, ignored)
    return label


def read(path: pathlib.Path) -> Iterator[Drawing]:
    """The drawings of a file, or of all JSON and XML files in a folder."""
    found = [path]
    if path.is_dir():
        endings = (".json", ".xml")
        found = [p for p in folders.walk(path) if p.suffix.lower() in endings]
    if not found or not path.exists():
        raise DatasetError(f"--annotations={path} has no files; give {_KINDS}.")
    for file in found:
        with files.readable(file, DatasetError, f"--annotations takes {_KINDS}."):
            yield from _read_file(file)


def _read_file(file: pathlib.Path) -> Iterator[Drawing]:
    if file.suffix.lower() == ".xml":
        try:
            yield from _cvat(file, ElementTree.fromstring(files.read_bytes(file)))
        except ElementTree.ParseError as e:
            raise DatasetError(f"{file} is no XML: {e}.") from e
        return
    facts = files.parse_json(files.decoded(files.read_bytes(file), file))
    if isinstance(facts, dict) and "shapes" in facts:
        yield _labelme(file, facts)
    elif isinstance(facts, dict) and {"images", "annotations"} <= facts.keys():
        yield from _coco(file, facts)
    else:
        raise ValueError(
            "neither labelme's `shapes` nor COCO's `images` and `annotations`"
        )


def _labelme(file: pathlib.Path, facts: Mapping[str, Any]) -> Drawing:
    drawn = [_labelme_shape(file, shape) for shape in facts["shapes"]]
    size = shapes.checked_size(facts["imageHeight"], facts["imageWidth"])
    name = str(facts["imagePath"]).replace("\\", "/").rpartition("/")[2]
    return Drawing(name, size, drawn, file)


def _labelme_shape(file: pathlib.Path, shape: Mapping[str, Any]) -> Shape:
    kind, label = shape.get("shape_type", "polygon"), str(shape["label"])
    points = np.array(shape["points"], float).reshape(-1, 2)
    if kind == "mask":
        column, row = points[0]
        return Shape(label, mask=_png(shape["mask"]), corner=shapes.corner(row, column))
    if kind == "rectangle":
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        return Shape(label, [shapes.box(left, top, right, bottom)])
    if kind == "circle":
        radius = float(np.hypot(*(points[1] - points[0])))
        x, y = points[0]
        return Shape(label, [shapes.ellipse(x, y, radius, radius)])
    if kind == "polygon":
        return Shape(label, [shapes.outline(points.ravel())])
    raise _without_inside(file, label, kind, "polygons, rectangles, circles or masks")


def _png(text: str) -> np.ndarray:
    """The pixels of a mask in base 64 that are not 0, `[h, w]` bool."""
    content = io.BytesIO(base64.b64decode(text))
    try:
        with Image.open(content, formats=["PNG"]) as picture:
            return np.asarray(picture.convert("L")) > 0
    except Exception as e:  # Damaged ones make the decoder raise almost anything.
        raise ValueError(f"a mask that is no PNG: {clipped(str(e), 100)}") from e


def _coco(file: pathlib.Path, facts: Mapping[str, Any]) -> Iterator[Drawing]:
    names = {i: str(c["name"]) for i, c in _by_id(facts["categories"]).items()}
    images = _by_id(facts["images"])
    sizes = {i: shapes.checked_size(d["height"], d["width"]) for i, d in images.items()}
    by_image: dict[Any, list[Shape]] = {i: [] for i in images}
    for one in facts["annotations"]:
        label = IGNORED if one.get("iscrowd", 0) else names[one["category_id"]]
        found, image = one["segmentation"], one["image_id"]
        if isinstance(found, dict):
            if (*found["size"],) != sizes[image]:
                raise ValueError(
                    f"a mask of {found['size']} in an image of another size"
                )
            shapes.unpacked(found["counts"], sizes[image])  # Refuses damage now.
            shape = Shape(label, counts=found["counts"])
        else:
            shape = Shape(label, [shapes.outline(polygon) for polygon in found])
            if not shape.polygons:
                raise ValueError(f"an annotation of image {image} without a polygon")
        by_image[image].append(shape)
    for i, one in images.items():
        yield Drawing(str(one["file_name"]), sizes[i], by_image[i], file)


def _by_id(rows: Sequence[Mapping[str, Any]]) -> dict[Any, Mapping[str, Any]]:
    found = {row["id"]: row for row in rows}
    if len(found) < len(rows):
        ((double, _),) = collections.Counter(r["id"] for r in rows).most_common(1)
        raise ValueError(f"the id {clipped(repr(double), 40)} occurs twice")
    return found


def _cvat(file: pathlib.Path, root: ElementTree.Element) -> Iterator[Drawing]:
    for image in root.iter("image"):
        size = shapes.checked_size(*(int(image.attrib[s]) for s in ("height", "width")))
        drawn = sorted(image, key=lambda s: int(s.get("z_order", 0)))
        kept = [_cvat_shape(file, s.tag, s.attrib) for s in drawn if s.tag != "tag"]
        yield Drawing(image.attrib["name"], size, kept, file)


def _cvat_shape(file: pathlib.Path, tag: str, facts: Mapping[str, str]) -> Shape:
    label = facts["label"]
    if tag == "polygon":
        points = facts["points"].replace(";", ",").split(",")
        return Shape(label, [shapes.outline(map(float, points))])
    if tag == "box":
        sides = (float(facts[side]) for side in ("xtl", "ytl", "xbr", "ybr"))
        return Shape(label, [shapes.box(*sides)])
    if tag == "ellipse":
        given = (float(facts[name]) for name in ("cx", "cy", "rx", "ry"))
        return Shape(label, [shapes.ellipse(*given)])
    if tag == "mask":
        size = shapes.checked_size(int(facts["height"]), int(facts["width"]))
        mask = shapes.runs(list(map(int, facts["rle"].split(","))), size).reshape(size)
        corner = shapes.corner(int(facts["top"]), int(facts["left"]))
        return Shape(label, mask=mask, corner=corner)
    raise _without_inside(file, label, tag, "polygons, boxes, ellipses or masks")


def _without_inside(
    file: pathlib.Path, label: str, kind: object, legal: str
) -> DatasetError:
    return DatasetError(
        f"{file}: a shape of {clipped(repr(label))} is a {clipped(str(kind), 50)}, "
        f"which has no inside; draw {legal}."
    )


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
            f"(unknown: {clipped(some(sorted(unknown), 5), 200)}). The classes are "
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
                f"{drawing.file} is about {clipped(drawing.image, 200)}, but "
                f"--image_dir={image_dir} has {what}."
            )
        if found[0] in used:
            raise DatasetError(
                f"{image_dir / found[0]} is in {used[found[0]].file} and in "
                f"{drawing.file}; keep one of them."
            )
        used[found[0]] = drawing
    return list(used)
