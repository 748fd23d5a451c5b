"""Shapes of three programs as labels: by hand, and as pycocotools itself paints them."""

import base64
import io
import json
import pathlib

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from deeplab_dpc import files
from deeplab_dpc.conversion import annotations, label_folder
from deeplab_dpc.conversion.labels.own_classes import Classes
from deeplab_dpc.data import DatasetError

H, W = 12, 16
SQUARE = [2, 3, 8, 3, 8, 9, 2, 9]  # x 2..8, y 3..9.
TRIANGLE = [5.5, 1.2, 14.3, 10.8, 5.5, 10.8]


def classes(*names, ignore=255):
    return Classes(names, ((0, 0, 0),) * len(names), (), ignore, True, ())


def labels(path, *names, **more):
    """Each image's labels, by its name."""
    found = annotations.read(path)
    return {d.image: annotations.painted(d, classes(*names, **more)) for d in found}


def square(value=1, empty=255, inside=SQUARE):
    """The square's pixels by hand: columns and rows from its first to before its last."""
    label = np.full((H, W), empty, np.uint8)
    (left, top), (right, bottom) = inside[:2], inside[4:6]
    label[max(top, 0) : bottom, max(left, 0) : right] = value
    return label


def labelme(folder, *shapes, name="a.jpg", file="a.json"):
    written = [
        {"label": label, "points": points, "shape_type": kind, **more}
        for label, kind, points, more in shapes
    ]
    facts = {"shapes": written, "imagePath": name, "imageHeight": H, "imageWidth": W}
    (folder / file).write_text(json.dumps(facts))
    return folder / file


def pairs(flat):
    return np.reshape(flat, (-1, 2)).tolist()


def coco(folder, *annotated, images=((1, "a.jpg"),)):
    facts = {
        "images": [
            {"id": i, "file_name": name, "height": H, "width": W} for i, name in images
        ],
        "categories": [{"id": 7, "name": "car"}, {"id": 9, "name": "road"}],
        "annotations": [
            {"id": n, "image_id": 1, "category_id": 7, "iscrowd": 0, "area": 1} | a
            for n, a in enumerate(annotated, 1)
        ],
    }
    (folder / "coco.json").write_text(json.dumps(facts))
    return folder / "coco.json"


def cvat(folder, *shapes, name="a.jpg"):
    text = "".join(shapes)
    image = f'<image id="0" name="{name}" width="{W}" height="{H}">{text}</image>'
    (folder / "cvat.xml").write_text(f"<annotations>{image}</annotations>")
    return folder / "cvat.xml"


def test_a_square_is_the_same_in_all_three(tmp_path):
    points = ";".join(f"{x},{y}" for x, y in pairs(SQUARE))
    made = (
        labelme(tmp_path, ("car", "polygon", pairs(SQUARE), {})),
        labelme(tmp_path, ("car", "rectangle", [[8, 3], [2, 9]], {}), file="b.json"),
        coco(tmp_path, {"segmentation": [SQUARE]}),
        cvat(tmp_path, f'<polygon label="car" points="{points}" z_order="0"/>'),
    )
    for path in made:
        (label,) = labels(path, "road", "car").values()
        np.testing.assert_array_equal(label, square())
    box = cvat(tmp_path, '<box label="car" xtl="2" ytl="3" xbr="8" ybr="9"/>')
    np.testing.assert_array_equal(labels(box, "road", "car")["a.jpg"], square())


def test_where_no_shape_is_it_is_background_or_ignored(tmp_path):
    path = labelme(tmp_path, ("car", "polygon", pairs(SQUARE), {}))
    (label,) = labels(path, "Background", "car").values()
    np.testing.assert_array_equal(label, square(empty=0))
    (label,) = labels(path, "road", "car", ignore=9).values()
    np.testing.assert_array_equal(label, square(empty=9))


def test_every_coco_shape_is_pycocotools_own(tmp_path):
    """Polygons of fractions, several a shape, out of the frame; both run lengths; a mask
    with a hole. The later one lies above.
    """
    rng = np.random.default_rng(0)
    holed = np.asfortranarray(square(1, 0))
    holed[5:7, 4:6] = 0
    packed = coco_mask.encode(holed)
    packed["counts"] = packed["counts"].decode()
    plain = np.flatnonzero(np.diff(np.r_[0, holed.ravel("F"), 0]))
    runs = np.diff(np.r_[0, plain, holed.size]).tolist()
    given = [
        {"segmentation": [TRIANGLE, [0.5, 0.5, 4.5, 0.5, 2.5, 5.5]]},
        {"segmentation": [(rng.uniform(-9, 25, 10)).tolist()], "category_id": 9},
        {"segmentation": packed},
        {"segmentation": {"counts": runs, "size": [H, W]}, "category_id": 9},
    ]
    path = coco(tmp_path, *given)
    for count in range(1, 5):
        path = coco(tmp_path, *given[:count])
        api, expected = COCO(path), np.full((H, W), 255, np.uint8)
        for annotation in api.loadAnns(api.getAnnIds()):
            value = {7: 1, 9: 0}[annotation["category_id"]]
            expected[api.annToMask(annotation) == 1] = value
        np.testing.assert_array_equal(labels(path, "road", "car")["a.jpg"], expected)
        assert count != 3 or expected[4, 4] == 1 != expected[5, 4]  # The hole.


def test_crowds_and_shapes_called_so_are_ignored(tmp_path):
    run = {"counts": [0, H * W], "size": [H, W]}
    crowd = {"segmentation": run, "iscrowd": 1}
    path = coco(tmp_path, {"segmentation": [SQUARE]}, crowd)
    assert (labels(path, "background", "car")["a.jpg"] == 255).all()
    whole = [[0, 0], [W, H]]
    path = labelme(
        tmp_path,
        ("car", "rectangle", whole, {}),
        ("__ignore__", "polygon", pairs(SQUARE), {}),
    )
    (label,) = labels(path, "road", "car").values()
    np.testing.assert_array_equal(label, square(255, 1))


def test_masks_may_reach_over_the_edge(tmp_path):
    """labelme's as a PNG, CVAT's as runs in rows; the square, and one cut off."""
    buffer = io.BytesIO()
    Image.new("1", (6, 6), 1).save(buffer, "PNG")
    mask = {"mask": base64.b64encode(buffer.getvalue()).decode()}
    for corner, inside in (([2, 3], SQUARE), ([-2, 9], [-2, 9, 4, 9, 4, 15])):
        end = [corner[0] + 5, corner[1] + 5]
        path = labelme(tmp_path, ("car", "mask", [corner, end], mask))
        (label,) = labels(path, "road", "car").values()
        np.testing.assert_array_equal(label, square(inside=inside))
        where = f'left="{corner[0]}" top="{corner[1]}" width="6" height="6"'
        path = cvat(tmp_path, f'<mask label="car" rle="0,36" {where}/>')
        np.testing.assert_array_equal(
            labels(path, "road", "car")["a.jpg"], square(inside=inside)
        )
    holes = '<mask label="car" rle="1,2,1" left="0" top="0" width="2" height="2"/>'
    found = labels(cvat(tmp_path, holes), "road", "car")["a.jpg"]
    assert found[:2, :2].tolist() == [[255, 1], [1, 255]]


def test_circles_have_their_area_and_cvats_order_is_by_height(tmp_path):
    path = labelme(tmp_path, ("car", "circle", [[8, 6], [8, 1]], {}))
    (label,) = labels(path, "road", "car").values()
    ys, xs = np.mgrid[:H, :W] + 0.5
    disc = np.where((xs - 8) ** 2 + (ys - 6) ** 2 < 25, 1, 255)
    assert (label != disc).mean() < 0.06 and label[6, 8] == 1 and label[0, 0] == 255
    path = cvat(
        tmp_path,
        '<box label="car" xtl="2" ytl="3" xbr="8" ybr="9" z_order="1"/>',
        '<tag label="night"/>',
        f'<box label="road" xtl="0" ytl="0" xbr="{W}" ybr="{H}" z_order="0"/>',
        '<ellipse label="car" cx="12" cy="6" rx="1.5" ry="1.5" z_order="2"/>',
    )
    found = labels(path, "road", "car")["a.jpg"]
    assert (found[:, :10] == square(empty=0)[:, :10]).all() and found[6, 12] == 1


@pytest.fixture
def own(tmp_path):
    """Two images, in folders, whose names differ in their folder alone."""
    for place in ("train/a.jpg", "val/a.jpg", "val/b.png"):
        path = tmp_path / "images" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (W, H)).save(path)
    return tmp_path


def paint(own, path, *names, suffix=""):
    where = path, own / "images", own / "labels"
    return annotations.paint_all(*where, classes(*names or ("road", "car")), suffix)


def test_labels_lie_as_their_images_do(own):
    path = coco(
        own, {"segmentation": [SQUARE]}, images=((1, "train/a.jpg"), (2, "b.png"))
    )
    assert paint(own, path, suffix="_mask") == [path]
    written = sorted(p.relative_to(own / "labels") for p in own.glob("labels/*/*"))
    assert written == [pathlib.Path("train/a_mask.png"), pathlib.Path("val/b_mask.png")]
    label = np.asarray(Image.open(own / "labels/train/a_mask.png"))
    np.testing.assert_array_equal(label, square())
    assert (np.asarray(Image.open(own / "labels/val/b_mask.png")) == 255).all()


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda f: cvat(f, name="a.jpg"), "images has 2 images of that name"),
        (lambda f: cvat(f, name="c.jpg"), "images has no such image"),
        (
            lambda f: coco(f, images=((1, "b.png"), (2, "val/b.png"))),
            "keep one of them",
        ),
        (
            lambda f: cvat(f, '<box label="cra" xtl="0" ytl="0" xbr="1" ybr="1"/>'),
            "shapes of 'cra', which is no class .unknown: cra.. The classes are road",
        ),
        (
            lambda f: labelme(f, ("car", "line", [[0, 0], [3, 3]], {})),
            "is a line, which has no inside; draw polygons",
        ),
        (
            lambda f: cvat(f, '<polyline label="car" points="0,0;1,1"/>'),
            "is a polyline",
        ),
        (
            lambda f: coco(f, {"segmentation": [[0, 0, 1, 1]]}),
            "a polygon of 4 numbers, not of 3 points or more",
        ),
        (lambda f: coco(f, {"segmentation": [SQUARE], "image_id": 5}), r"KeyError.5."),
        (lambda f: coco(f, {"segmentation": [SQUARE], "category_id": 5}), "KeyError"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(own, make, words):
    with pytest.raises(DatasetError, match=words):
        paint(own, make(own))
    assert not (own / "labels").exists()


@pytest.mark.parametrize(
    "name, text, words",
    [
        ("a.json", "{}", "neither labelme's `shapes` nor COCO's"),
        ("a.json", "[1", "not JSON"),
        ("a.json", "\xff", "cannot be read"),
        ("a.xml", "<annotations><image>", "is no XML"),
        ("a.xml", "<annotations><image/></annotations>", "KeyError.'height'."),
        ("a.txt", "", "has no files; give labelme's JSON files"),
    ],
)
def test_what_is_no_annotation_is_refused(own, name, text, words):
    (own / "made").mkdir()
    (own / "made" / name).write_text(text, encoding="latin1")
    with pytest.raises(DatasetError, match=words):
        paint(own, own / "made")


BOTH = (1, "train/a.jpg"), (2, "val/b.png")


def test_labels_that_are_there_are_not_written_over(own):
    (own / "labels").mkdir()
    (own / "labels" / "mine.png").touch()
    words = "has files, such as .*mine.png, .*or leave out --annotations"
    with pytest.raises(DatasetError, match=words):
        paint(own, coco(own, images=BOTH))
    (own / "labels" / "mine.png").rename(own / "labels" / ".DS_Store")
    paint(own, coco(own, images=BOTH))
    (own / "labels" / "train" / "a.png").write_bytes(b"by hand")
    with pytest.raises(DatasetError, match="such as .*train/a.png, which"):
        paint(own, coco(own, images=BOTH))


def test_a_killed_painting_is_seen_and_gone_on_with(own, monkeypatch):
    """Killed after one label, while it wrote the next; the rest is not taken for all."""
    path, folder = coco(own, {"segmentation": [SQUARE]}, images=BOTH), own / "labels"
    paint(own, path)
    label_folder.check_finished(folder)
    whole = {p: p.read_bytes() for p in folder.rglob("*.png")}
    last = folder / "val" / "b.png"
    last.unlink()
    (folder / "val" / ".b.png.4711.tmp").write_bytes(b"half")
    (folder / ".unfinished").touch()
    with pytest.raises(DatasetError, match="only some of its labels: .*--annotations"):
        label_folder.check_finished(folder)
    with (
        files.claimed(folder / ".lock"),
        pytest.raises(files.LockedError, match="is being written by process"),
    ):
        paint(own, path)
    written = []
    write = files.write
    monkeypatch.setattr(files, "write", lambda *a: (written.append(a[0]), write(*a)))
    assert paint(own, path) == [path] and written == [last]
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == whole
    label_folder.check_finished(folder)
