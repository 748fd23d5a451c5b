"""Hostile shapes end in words, and packed masks are what pycocotools makes of them."""

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from deeplab_dpc.conversion import shapes
from deeplab_dpc.data import DatasetError
from tests.conversion.annotations_test import (
    SQUARE,
    H,
    W,
    coco,
    cvat,
    labelme,
    labels,
    own,  # noqa: F401  A fixture.
    paint,
    pairs,
    square,
)


def shape(kind="polygon", points=None, **more):
    return lambda f: labelme(f, ("car", kind, points or pairs(SQUARE), more))


def rewritten(make, old, new, encoding="utf-8"):
    """A file in which a text is another."""

    def change(folder):
        path = make(folder)
        text = path.read_text()
        assert old in text
        path.write_bytes(text.replace(old, new).encode(encoding))
        return path

    return change


def packed(counts, size=(H, W)):
    return lambda f: coco(f, {"segmentation": {"counts": counts, "size": size}})


def drawn(text):
    return lambda f: cvat(f, text)


FAR = [[1, 1], [1e18, 2], [3, 1e18]]
BIG = 'left="0" top="0" width="6" height="6"/>'


@pytest.mark.parametrize(
    "make, words",
    [
        (shape(points=FAR), "an outline that goes 4e.18 pixels far"),
        (
            rewritten(shape(points=FAR), "1e+18", "1e400"),
            "1e400 is no JSON; give a finite number",
        ),
        (shape("circle", [[1, 1]]), "IndexError"),
        (shape("mask", [[1e300, 1]], mask="AAAA"), "a mask that is no PNG"),
        (rewritten(shape(), f'imageHeight": {H}', 'imageHeight": -12'), "-12 is no"),
        (rewritten(shape(), f'imageHeight": {H}', 'imageHeight": true'), "True is no"),
        (rewritten(shape(), f'imageHeight": {H}', f'imageHeight": {10**9}'), "picture"),
        (rewritten(shape(), '"car"', f'"{"x" * 10**6}"'), "is no class"),
        (rewritten(shape(), '"points"', '"label"'), "the key 'label' occurs twice"),
        (rewritten(shape(), '[{"label"', '["a", {"label"'), "AttributeError"),
        (
            rewritten(shape(), '"car"', '"caf\xe9"', "latin1"),
            "line 1 has the byte 0xe9",
        ),
        (packed([0, H * W + 1]), "other lengths than the 192 pixels have"),
        (packed([-1, H * W + 1]), "other lengths"),
        (packed([0.5, H * W - 0.5]), "other lengths"),
        (packed("ZZ"), "run lengths that are cut"),
        (packed("\xe9"), "run lengths that are cut"),
        (packed("o" * 30 + "0"), "run lengths that are damaged"),
        (packed("01"), "other lengths"),
        (packed(None), "other lengths"),
        (packed([0, H * W], (W, H)), "in an image of another size"),
        (packed([0, H * W], 5), "TypeError"),
        (lambda f: coco(f, {"segmentation": []}), "without a polygon"),
        (lambda f: coco(f, images=((1, "a.jpg"), (1, "b.png"))), "id 1 occurs twice"),
        (rewritten(coco, '"id": 9', '"id": 7'), "the id 7 occurs twice"),
        (drawn('<box label="car" xtl="nan" ytl="3" xbr="8" ybr="9"/>'), "nan pixels"),
        (drawn('<ellipse label="car" cx="inf" cy="3" rx="8" ry="9"/>'), "pixels far"),
        (drawn(f'<mask label="car" rle="0,{10**12}" {BIG}'), "than the 36 pixels have"),
        (drawn(f'<mask label="car" rle="0,36" {BIG.replace("6", "9" * 9)}'), "picture"),
        (drawn(f'<mask label="car" rle="0,36" {BIG.replace("0", "9" * 9)}'), "row 1e"),
        (rewritten(cvat, "image", "picture"), "is about no image"),
    ],
)
def test_hostile_shapes_are_refused_in_few_words(own, make, words):  # noqa: F811
    """Some of these ended the process within pycocotools, or never came to an end."""
    path = make(own)
    with pytest.raises(DatasetError, match=words) as caught:
        paint(own, path)
    assert len(str(caught.value)) < 900 + len(str(own)) and "a" in str(caught.value)
    assert not (own / "labels").exists()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_annotations_with_a_mark_are_read(tmp_path, encoding):
    make = labelme, ("car", "polygon", pairs(SQUARE), {})
    path = rewritten(lambda f: make[0](f, make[1]), "car", "caf\xe9", encoding)(
        tmp_path
    )
    (label,) = labels(path, "road", "caf\xe9").values()
    np.testing.assert_array_equal(label, square())


def test_packed_masks_of_any_kind_are_pycocotools_own():
    """200 random masks, of noise, of long runs, empty and full."""
    rng = np.random.default_rng(1)
    for i in range(200):
        size = tuple(map(int, rng.integers(1, (9, 400))))
        mask = rng.random(size) < (0, 0.5, 1, 0.001)[i % 4]
        text = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"]
        np.testing.assert_array_equal(shapes.unpacked(text.decode(), size), mask)
