"""One's own classes.json, and the reader that the flags ask for."""

import json

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.conversion.labels import colors as color_labels
from deeplab_dpc.conversion.labels import own_classes as folder_labels
from deeplab_dpc.conversion.labels import reading
from deeplab_dpc.data.dataset_info import DatasetError


def classes_of(tmp_path, facts):
    (tmp_path / "classes.json").write_text(json.dumps(facts))
    return folder_labels.read_classes(tmp_path / "classes.json")


def test_colours_are_pascals_where_none_is_given(tmp_path):
    given = [{"name": "a", "color": [7, 8, 9]}, "b"]
    classes = classes_of(tmp_path, {"classes": given, "ignore_colors": [[1, 1, 1]]})
    assert classes.names == ("a", "b")
    assert classes.colors == ((7, 8, 9), (128, 0, 0))
    assert classes.given_colors == ((7, 8, 9), None)
    assert classes.ignore_colors == ((1, 1, 1),)
    assert (classes.ignore_label, classes.says_ignore_label) == (255, False)


@pytest.mark.parametrize(
    "text, message",
    [
        ("{", "cannot be read .*looks like"),
        ('["road"]', "cannot be read"),
        ('{"classes": ["a"], "ignore": 3}', r"\['ignore'\]"),
        ('{"classes": [{"name": "a", "colour": [1, 2, 3]}]}', r"\['colour'\]"),
        ('{"classes": [{"name": "a", "color": [1, 2]}]}', r"\[1, 2\] is no colour"),
        ('{"classes": [{"color": [1, 2, 3]}]}', "cannot be read"),
        ('{"classes": ["a", "b"], "ignore_label": 1}', "is also the id of a class"),
        ('{"classes": ["a", "b"], "ignore_label": 0}', "--label_map=from_one"),
        ('{"classes": ["a"], "ignore_label": -1}', r"ignore_label is -1"),
        ('{"classes": ["a"], "ignore_label": "255"}', r"ignore_label is '255'"),
    ],
)
def test_wrong_classes(tmp_path, text, message):
    (tmp_path / "classes.json").write_text(text)
    with pytest.raises(DatasetError, match=message):
        folder_labels.read_classes(tmp_path / "classes.json")


def test_readers_by_flag(tmp_path):
    given = [{"name": "a", "color": [7, 8, 9]}, "b"]
    classes = classes_of(tmp_path, {"classes": given, "ignore_label": 9})
    choose = folder_labels.choose_reader
    assert choose(classes, None, None) == reading.Ids(2, 9, ((7, 8, 9), None))
    assert choose(classes, "indices", None) == reading.Ids(2, 9)
    assert choose(classes, "grey", None) == color_labels.GreyIds(2, 9)
    assert choose(classes, None, "from_one").table[1] == (1, 0)
    assert choose(classes, "pascal", None).palette.entries[1] == ((128, 0, 0), 1)
    (tmp_path / "colors.json").write_text('{"1,2,3": "b"}')
    reader = choose(classes, str(tmp_path / "colors.json"), None)
    assert reader.palette.entries == (((1, 2, 3), 1),)


def test_flags_that_cannot_be(tmp_path):
    classes = classes_of(tmp_path, {"classes": ["a", "b"]})
    with pytest.raises(
        DatasetError, match="needs every class's colour .*a, b have none"
    ):
        folder_labels.choose_reader(classes, "classes", None)
    with pytest.raises(DatasetError, match="give one of them"):
        folder_labels.choose_reader(classes, "pascal", "mask")


def save_masks(folder):
    paths = []
    for i in range(3):
        label = np.full((2, 2), 255 * (i % 2), np.uint8)
        Image.fromarray(label).save(folder / f"{i}.png")
        paths.append(folder / f"{i}.png")
    return paths


def test_masks_of_0_and_255_do_not_lose_their_second_class(tmp_path):
    paths = save_masks(tmp_path)
    facts = {"classes": ["ground", "cat"]}
    classes = classes_of(tmp_path, facts)
    reader = folder_labels.choose_reader(classes, None, None)
    with pytest.raises(DatasetError, match="masks of 0 and 255: .*--label_map=mask"):
        folder_labels.check_all(paths, reader, classes)
    said = classes_of(tmp_path, {**facts, "ignore_label": 255})
    folder_labels.check_all(paths, reader, said)
    mapped = folder_labels.choose_reader(classes, None, "mask")
    folder_labels.check_all(paths, mapped, classes)
    assert (mapped(paths[1]) == 1).all()


def test_a_third_value_is_no_mask(tmp_path):
    paths = save_masks(tmp_path)
    Image.fromarray(np.array([[0, 1]], np.uint8)).save(paths[2])
    classes = classes_of(tmp_path, {"classes": ["ground", "cat"]})
    reader = folder_labels.choose_reader(classes, None, None)
    folder_labels.check_all(paths, reader, classes)
