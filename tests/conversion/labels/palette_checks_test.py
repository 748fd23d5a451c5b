"""Palettes and colours that do not belong to the ids."""

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.conversion.labels import palette_checks, reading
from deeplab_dpc.conversion.labels.files import LabelError
from deeplab_dpc.data import colormaps
from tests import goldens

IDS = np.array([[0, 1, 2, 255]], np.uint8)
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def save(path, colors, ids=IDS):
    """A palette PNG; `colors` by index."""
    table = np.zeros((256, 3), np.uint8)
    for i, color in colors.items():
        table[i] = color
    image = Image.fromarray(ids)
    image.putpalette(table.ravel().tolist())
    image.save(path)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.png"


def test_palette_in_the_order_of_the_classes(path):
    save(path, {0: RED, 1: GREEN, 2: BLUE, 255: RED})
    reader = reading.Ids(3, colors=(RED, GREEN, BLUE))
    np.testing.assert_array_equal(reader(path), IDS)


def test_palette_in_another_order(path):
    save(path, {0: GREEN, 1: RED, 2: BLUE})
    with pytest.raises(LabelError) as error:
        reading.Ids(3, colors=(RED, GREEN, BLUE))(path)
    assert (
        "index 0 is (0, 255, 0), class 1's, index 1 is (255, 0, 0), class 0's"
        in str(error.value)
    )
    assert "--label_palette=classes if the colours tell" in str(error.value)
    np.testing.assert_array_equal(reading.Ids(3)(path), IDS)


def test_one_class_at_another_index_is_enough(path):
    save(path, {0: (9, 9, 9), 1: (8, 8, 8), 2: RED})
    with pytest.raises(LabelError, match="index 2 is"):
        reading.Ids(3, colors=(RED, None, None))(path)


def test_palettes_that_are_decoration_are_no_alarm(path):
    reader = reading.Ids(3, colors=(RED, GREEN, (0, 0, 0)))
    for colors in (
        {i: (i, i, i) for i in range(256)},  # A ramp, whose 0 is class 2's black.
        {0: (1, 1, 1), 1: (2, 2, 2), 2: (3, 3, 3)},
        {0: (9, 9, 9), 1: GREEN, 2: (7, 7, 7), 200: RED},  # 200 does not occur.
    ):
        np.testing.assert_array_equal(reader(save(path, colors)), IDS)


def test_two_classes_of_one_colour_are_no_alarm(path):
    save(path, {0: RED, 1: RED, 2: BLUE})
    reader = reading.Ids(3, colors=(RED, RED, BLUE))
    np.testing.assert_array_equal(reader(path), IDS)


def test_files_whose_palettes_differ(tmp_path):
    paths = [
        save(tmp_path / "a.png", {0: RED, 1: GREEN}, IDS[:, :2]),
        save(tmp_path / "b.png", {0: RED, 1: BLUE}, IDS[:, :1]),  # Without index 1.
        save(tmp_path / "c.png", {0: RED, 1: GREEN, 2: BLUE}, IDS[:, :3]),
    ]
    palette_checks.check_same(paths)
    paths.append(save(tmp_path / "d.png", {0: RED, 1: BLUE}, IDS[:, :2]))
    with pytest.raises(LabelError, match=r"index 1 is \(.*\) in .*png, but \(.*d?.png"):
        palette_checks.check_same(paths)


def test_colour_pictures_are_described(path):
    picture = np.zeros((10, 10, 3), np.uint8)
    picture[:9] = RED
    picture[9, 3] = GREEN
    Image.fromarray(picture).save(path)
    with pytest.raises(LabelError) as error:
        reading.Ids(2, colors=(RED, None))(path)
    assert (
        f"{path} is a picture of mode RGB, 3 channels; a label must hold one class id a pixel (a grey or "
        "palette PNG). It has 3 colours: (255, 0, 0) 90 pixels (90%), (0, 0, 0) 9 "
        "pixels (9%), (0, 255, 0) 1 pixel (1%). For build_folder_data.py give each class its colour"
    ) in str(error.value)


@pytest.mark.parametrize(
    "colors, table, advice",
    [
        ((RED, GREEN), [RED, GREEN], "pass --label_palette=classes"),
        ((None,) * 21, colormaps.pascal(21), "--label_palette=pascal"),
        ((None,) * 19, colormaps.cityscapes()[:19], "--label_palette=cityscapes"),
        (
            (None,) * 3,
            np.stack([*np.divmod(np.arange(300), 16), np.full(300, 9)]).T,
            "those of a photograph",
        ),
    ],
)
def test_the_flag_that_reads_them(path, colors, table, advice):
    Image.fromarray(np.array(table, np.uint8)[None]).save(path)
    with pytest.raises(LabelError, match=advice):
        reading.Ids(len(colors), colors=colors)(path)


def test_transparency_of_grey_and_equal_channels(path):
    Image.fromarray(IDS).convert("LA").save(path)
    with pytest.raises(LabelError, match="mode LA, 2 .*without transparency"):
        reading.Ids(3)(path)
    Image.fromarray(IDS).convert("RGB").save(path)
    with pytest.raises(LabelError, match="channels are equal.*--label_palette=grey"):
        reading.Ids(3)(path)


@goldens.real_data_needed
def test_no_false_alarm_on_real_palettes():
    samples = goldens.REAL_DATA / "samples"
    voc = sorted(samples.glob("pascal_voc/VOCdevkit/*/SegmentationClass/*.png"))
    parts = sorted(samples.glob("pascal_person_part/pascal_person_part_gt/*.png"))
    assert len(voc) == 9 and len(parts) == 4
    palette_checks.check_same([*voc, *parts])
    for paths, count in ((voc, 21), (parts, 7)):
        colors = tuple(map(tuple, colormaps.pascal(count).tolist()))
        for path in paths:
            np.testing.assert_array_equal(
                reading.Ids(count, colors=colors)(path), np.asarray(Image.open(path))
            )
