"""Palettes: colours and the ids that records keep for them."""

import json

import numpy as np
import pytest

from deeplab_dpc.conversion.labels import palettes
from deeplab_dpc.data import colormaps
from deeplab_dpc.data.dataset_info import DatasetError

RED, GREEN, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 0)


def test_colours_become_ids():
    palette = palettes.of_classes(["a", "b"], [RED, GREEN], [BLACK])
    colors = np.array([[GREEN, RED], [BLACK, (1, 0, 0)]], np.uint8)
    ids, known = palette.find(colors)
    assert ids[known].tolist() == [1, 0, 255]
    assert known.tolist() == [[True, True], [True, False]]


def test_every_colour_of_a_byte_cube_is_told_apart():
    """Channels do not mix: each of 27 colours has an id of its own."""
    steps = (0, 1, 255)
    colors = [(r, g, b) for r in steps for g in steps for b in steps]
    palette = palettes.of_classes([str(c) for c in colors], colors)
    ids, known = palette.find(np.array(colors, np.uint8))
    assert known.all() and ids.tolist() == list(range(27))


def test_two_classes_of_one_colour():
    with pytest.raises(DatasetError, match=r"\(255, 0, 0\) is both 'a' and 'b'"):
        palettes.of_classes(["a", "b"], [RED, RED])
    with pytest.raises(DatasetError, match="is both 'a' and 'ignored'"):
        palettes.of_classes(["a"], [RED], [RED])


def test_pascal():
    palette = palettes.named("pascal", 21)
    ids, known = palette.find(colormaps.pascal(256))
    assert known.tolist() == [True] * 21 + [False] * 234 + [True]
    assert ids[known].tolist() == [*range(21), 255]


def test_cityscapes_and_camvid():
    palette = palettes.named("cityscapes", 19)
    ids, known = palette.find(colormaps.cityscapes()[:19])
    assert known.all() and ids.tolist() == list(range(19))
    ids, known = palette.find(np.array([[250, 170, 160], BLACK], np.uint8))  # parking
    assert known.all() and ids.tolist() == [255, 255]
    assert len(palettes.named("camvid", 11).table[0]) == 32


def test_a_named_palette_of_another_size():
    with pytest.raises(DatasetError, match="colours for 19 classes, but .*has 5"):
        palettes.named("cityscapes", 5)
    with pytest.raises(DatasetError, match="No palette 'voc'; there are pascal, city"):
        palettes.named("voc", 5)


def test_of_a_file(tmp_path):
    path = tmp_path / "colors.json"
    table = {"255,0,0": "b", "0, 255, 0": 0, "1,1,1": "b", "0,0,0": None}
    path.write_text(json.dumps(table))
    palette = palettes.load(path, ["a", "b"])
    ids, known = palette.find(np.array([RED, GREEN, (1, 1, 1), BLACK], np.uint8))
    assert known.all() and ids.tolist() == [1, 0, 1, 255]


@pytest.mark.parametrize("key", ["1,2", "1,2,256", "red", "#ff0000"])
def test_no_colour(tmp_path, key):
    (tmp_path / "colors.json").write_text(json.dumps({key: 0}))
    with pytest.raises(DatasetError, match=f"'{key}' is no colour; a colour is three"):
        palettes.load(tmp_path / "colors.json", ["a"])
