"""One's own classes.json, and the reader that the flags ask for."""

import copy
import json
import random

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.conversion.labels import colors as color_labels
from deeplab_dpc.conversion.labels import own_classes as folder_labels
from deeplab_dpc.conversion.labels import reading
from deeplab_dpc.data.dataset_info import DatasetError
from tests import nightly
from tests.data import mutations


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
        ('{"classes": "road"}', "list of classes"),
        ('{"classes": {"road": [1, 2, 3]}}', "list of classes"),
        ('{"classes": [5]}', "a class's name is text, not 5"),
        ('{"classes": ["a", "a"]}', r"several classes named \['a'\]"),
        ('{"classes": ["a\\nb"]}', "no name of a class"),
        ('{"classes": ["a\\ud800"]}', "no name of a class"),
        ('{"classes": ["a\\u2028b"]}', "no name of a class"),
        ('{"classes": [{"name": "a", "color": "red"}]}', "'red' is no colour"),
        ('{"classes": [{"name": "a", "color": [true, 0, 0]}]}', "is no colour"),
        ('{"classes": ["a"], "ignore_colors": "red"}', "list of colours"),
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


ODD = (None, True, -1, 0, 7, 1.5, 300, 1e400, 10**30, "", "road", "\ud800", "x" * 5000)
ODD += ([], {}, [1, 2], [1, 2, 3], [True, 0, 0], [[1]], ["road"] * 300, {"road": 1})
WRITTEN = {
    "classes": {
        "classes": ["sky", {"name": "road", "color": [1, 2, 3]}, {"name": "a b"}],
        "ignore_label": 200,
        "ignore_colors": [[0, 0, 0], [9, 9, 9]],
    },
    "colors": {"1,2,3": "road", "70, 130, 180": 1, "0,0,0": None},
    "map": {"0": None, "7": "road", "8": 1},
}


def changed(kind, rng):
    """What somebody wrote, with odd values, in another encoding, or damaged."""
    facts = json.loads(json.dumps(WRITTEN[kind]))
    for _ in range(rng.randint(0, 2)):
        place = rng.choice([facts, *(v for v in facts.values() if v)])
        place = place if isinstance(place, (dict, list)) else facts
        keys = [*place] if isinstance(place, dict) else range(len(place))
        place[rng.choice(keys or [0])] = copy.deepcopy(rng.choice(ODD))
        if rng.random() < 0.3:
            facts[rng.choice(["9" * 5000, "07", "1,2,03", "x" * 9999, "\u0663"])] = 0
    text = json.dumps(facts)
    data = text.encode(rng.choice(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]))
    if rng.random() < 0.5:
        how = rng.choice(mutations.FILE)
        data = how(data, np.random.default_rng(rng.randrange(2**32)))
    return data


@pytest.mark.parametrize("kind", WRITTEN)
def test_changed_files_are_read_or_refused_in_few_words(tmp_path, kind):
    """What is read are classes of different names and legal colours, and their ids."""
    rng, read, path = random.Random(0), 0, tmp_path / f"{kind}.json"
    known = classes_of(tmp_path, {"classes": ["sky", "road"]})
    flags = {"colors": (str(path), None), "map": (None, str(path))}
    count = nightly.of(200, 2000)
    for _ in range(count):
        path.write_bytes(changed(kind, rng))
        try:
            if kind == "classes":
                found = folder_labels.read_classes(path)
            else:
                found = folder_labels.choose_reader(known, *flags[kind])
        except DatasetError as e:
            assert len(str(e)) < 900 + len(str(path)), str(e)
            continue
        read += 1
        if kind == "classes":
            assert len(set(found.names)) == len(found.names) == len(found.colors)
            assert all(len(c) == 3 and max(c) < 256 for c in found.colors)
            assert not {*range(len(found.names))} & {found.ignore_label}
        else:
            table = found.palette.entries if kind == "colors" else found.table
            assert {i for _, i in table} <= {0, 1, 255}
    assert count / 10 < read < count * 0.9


@pytest.mark.parametrize(
    "name, text, words",
    [
        ("_classes.csv", "Pixel Value, Class\n0, sky\n1, road\n1, car\n", "once each"),
        ("_classes.csv", f"Pixel Value, Class\n0, {'x' * 10**6}\n", "field larger"),
        ("_classes.csv", "Pixel Value, Class\n0\n", "out of range"),
        ("_classes.csv", "", "not enough values"),
        ("_classes.csv", "a\n" + "7, x\n" * 10**5, "once each"),
        ("labelmap.txt", "sky:0,0,0::\nsky:1,1,1::\n", "several classes named"),
        ("labelmap.txt", f"sky:{'9' * 5000},0,0::\n", "cannot be read"),
        ("labelmap.txt", f"{'x' * 10**6}:0,0,0::\n", "at most 100 characters"),
    ],
)
def test_classes_of_other_programs_are_read_or_refused_in_few_words(
    tmp_path, name, text, words
):
    (tmp_path / name).write_text(text)
    with pytest.raises(DatasetError, match=words) as caught:
        folder_labels.read_classes(tmp_path / name)
    assert len(str(caught.value)) < 900 + len(str(tmp_path))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_classes_of_other_programs_may_have_a_mark(tmp_path, encoding):
    for name, text in (
        ("_classes.csv", "Pixel Value, Class\r\n1, caf\xe9\r\n0, sky\r\n"),
        ("labelmap.txt", "# label:color_rgb:parts:actions\nsky:::\ncaf\xe9:1,2,3::\n"),
    ):
        (tmp_path / name).write_bytes(text.encode(encoding))
        found = folder_labels.read_classes(tmp_path / name)
        assert found.names == ("sky", "caf\xe9")
