"""A data set's facts and all of dataset.json: known ones, files of them, errors."""

import json

import numpy as np
import pytest

from deeplab_dpc.data import dataset_info, records
from deeplab_dpc.data.dataset_info import DatasetError, DatasetInfo
from deeplab_dpc.data.manifest import Manifest, Shard, Shared, Skipped
from deeplab_dpc.data.statistics import Tally
from tests import goldens, nightly
from tests.data import mutations

INFO = DatasetInfo("toy", ("road", "sky"), ((1, 2, 3), (4, 5, 6)), 255, {"train": 3})


def test_facts_survive_json_and_a_folder(tmp_path):
    assert DatasetInfo.from_dict(json.loads(json.dumps(INFO.to_dict()))) == INFO
    INFO.save(tmp_path)
    assert DatasetInfo.load(tmp_path) == DatasetInfo.load(tmp_path, "toy") == INFO
    assert [p.name for p in tmp_path.iterdir()] == ["dataset.json"]


@pytest.mark.parametrize(
    "name, classes, ignore_label, some_class, color",
    [
        ("pascal_voc_seg", 21, 255, "person", (192, 128, 128)),
        ("cityscapes", 19, 255, "bus", (0, 60, 100)),
        ("ade20k", 151, 0, "flag", (92, 0, 255)),
        ("pascal_person_part", 7, 255, "head", (128, 0, 0)),
        ("camvid", 11, 255, "car", (64, 0, 128)),
    ],
)
def test_known_facts(name, classes, ignore_label, some_class, color):
    info = dataset_info.known(name)
    assert (info.num_classes, info.ignore_label) == (classes, ignore_label)
    assert info.colors[info.class_names.index(some_class)] == color


@goldens.needed
def test_known_splits_are_the_originals():
    stored = goldens.read("preproc/tfrecord.json")
    for name, facts in stored["datasets"].items():
        info = dataset_info.known(name)
        found = (info.split_sizes, info.num_classes, info.ignore_label)
        assert found == tuple(
            facts[k] for k in ("splits", "num_classes", "ignore_label")
        )


def test_records_without_a_file_are_counted(tmp_path):
    for i, size in enumerate((2, 3)):
        path = tmp_path / records.shard_name("val", i, 2)
        records.write_shard(path, [b"x" * (j + 1) for j in range(size)])
    info = DatasetInfo.load(tmp_path, "cityscapes")
    assert info.split_sizes == {"val": 5}
    assert info.class_names == dataset_info.known("cityscapes").class_names


def test_records_of_nobody_ask_for_the_name(tmp_path):
    records.write_shard(tmp_path / records.shard_name("val", 0, 1), [b"x"])
    with pytest.raises(
        DatasetError, match="and nothing says whose.*--dataset.: ade20k, camvid"
    ):
        DatasetInfo.load(tmp_path)
    with pytest.raises(DatasetError, match="and not the name 'pascal' says"):
        DatasetInfo.load(tmp_path, "pascal")


def test_other_name_names_both(tmp_path):
    INFO.save(tmp_path)
    with pytest.raises(DatasetError, match="records of 'toy', not of 'camvid'"):
        DatasetInfo.load(tmp_path, "camvid")


def test_wrong_folder_says_what_is_there(tmp_path):
    with pytest.raises(DatasetError, match="not a folder.*build_"):
        DatasetInfo.load(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="holds nothing"):
        DatasetInfo.load(tmp_path)
    (tmp_path / "images").mkdir()
    (tmp_path / "a.txt").touch()
    with pytest.raises(DatasetError, match="it holds a.txt, images/"):
        DatasetInfo.load(tmp_path, "camvid")


NO_CLASS = '{"name":"x","classes":[1],"ignore_label":255,"split_sizes":{}}'


@pytest.mark.parametrize("text", ["{", "[]", '{"name": "x"}', NO_CLASS])
def test_damaged_file_is_named(tmp_path, text):
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(DatasetError, match=r"dataset\.json cannot be used"):
        DatasetInfo.load(tmp_path)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"class_names": ("a", "a")}, r"several classes named \['a'\]"),
        ({"class_names": ()}, "0 classes"),
        ({"colors": ((1, 2, 3),)}, "2 classes but 1 colour"),
        ({"colors": ((1, 2, 3), (4, 5, 256))}, r"\[4, 5, 256\]"),
        ({"colors": ((1, 2, 3), (4, 5))}, r"\[4, 5\]"),
        ({"ignore_label": 256}, r"ignore_label=256.*0\.\.255"),
    ],
)
def test_contradictions_are_refused(change, message):
    facts = {f: getattr(INFO, f) for f in INFO.__dataclass_fields__}
    with pytest.raises(DatasetError, match=message):
        DatasetInfo(**{**facts, **change})


TALLY = Tally(2, 255)
TALLY.add(np.zeros((2, 3, 3), np.uint8), np.zeros((2, 3), np.uint8))
MANIFEST = Manifest(
    INFO,
    {"train": TALLY.figures()},
    {"train-00000-of-00001.tfrecord": Shard(1, 345, "0123abcd")},
    {"train": (Skipped("b", "b.jpg is missing."),)},
    (Shared("image", (("train", "a"), ("val", "c"))),),
)


def test_a_manifest_survives_a_folder(tmp_path):
    MANIFEST.save(tmp_path)
    assert Manifest.load(tmp_path) == Manifest.load(tmp_path, "toy") == MANIFEST
    assert DatasetInfo.load(tmp_path) == INFO
    assert [path.name for path in tmp_path.iterdir()] == ["dataset.json"]


def test_a_person_can_read_it(tmp_path):
    lines = MANIFEST.save(tmp_path).read_text().splitlines()
    assert ' "split_sizes": {"train": 3},' in lines
    assert '   "class_pixels": [6, 0],' in lines
    assert (
        '  "train-00000-of-00001.tfrecord": '
        '{"num_records": 1, "num_bytes": 345, "crc32c": "0123abcd"}' in lines
    )
    assert any('{"same": "image", "where": [["train", "a"], ' in x for x in lines)


def test_a_file_of_facts_alone(tmp_path):
    """Earlier conversions wrote these four keys, one number a line."""
    (tmp_path / "dataset.json").write_text(json.dumps(INFO.to_dict(), indent=1))
    assert Manifest.load(tmp_path) == Manifest(INFO)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"statistic": {}}, "statistic"),
        ({"statistics": {"train": {"num_images": 1}}}, "statistics cannot be read"),
        ({"shards": {"x": {"num_records": 1}}}, "cannot be read"),
        ({"shards": [1]}, "cannot be read"),
        ({"skipped": {"train": [3]}}, "cannot be read"),
        ({"shared_images": [{"same": "image"}]}, "cannot be read"),
    ],
)
def test_damage_of_a_manifest_is_named(tmp_path, change, message):
    values = MANIFEST.to_dict() | change
    (tmp_path / "dataset.json").write_text(json.dumps(values))
    message = rf"dataset\.json cannot be used: .*{message}"
    with pytest.raises(DatasetError, match=message):
        Manifest.load(tmp_path)


@pytest.mark.parametrize("value", [True, 254.7, "255", None, -1, [255], 1e999])
@pytest.mark.parametrize("key", ["ignore_label", "split_sizes"])
def test_numbers_that_are_no_whole_ones_are_refused(key, value):
    """They are no 1, 254 or 255."""
    facts = INFO.to_dict()
    facts[key] = {"train": value} if key == "split_sizes" else value
    with pytest.raises(DatasetError, match="cannot be read .*no whole number from 0"):
        DatasetInfo.from_dict(facts)


@pytest.mark.parametrize("value", [True, 254.7, "255", None, -1, [255], 1e999])
@pytest.mark.parametrize("key", ["num_images", "ignored_pixels", "class_pixels"])
def test_a_count_of_pixels_is_a_whole_number(key, value):
    values = MANIFEST.to_dict()
    values["statistics"]["train"][key] = [1, value] if key == "class_pixels" else value
    with pytest.raises(DatasetError, match="statistics cannot .*no whole number from"):
        Manifest.from_dict(json.loads(json.dumps(values)))


@pytest.mark.parametrize(
    "key, value, words",
    [
        ("heights_px", [1, 2], "no list of that length"),
        ("widths_px", [1, 2, True], "True is no whole number"),
        ("mean_rgb", [1, 2, 255.5], "255.5 is no number in 0..255"),
        ("std_rgb", [1, 2, True], "True is no number in 0..255"),
        ("class_pixels", [1], r"statistics of 'train' are of \[1, 2\] classes; .* 2"),
    ],
)
def test_figures_that_cannot_be_are_refused(key, value, words):
    values = json.loads(json.dumps(MANIFEST.to_dict()))
    values["statistics"]["train"][key] = value
    with pytest.raises(DatasetError, match=words):
        Manifest.from_dict(values)


@pytest.mark.parametrize("value", [True, 254.7, "255", None, -1, [255], 1e999])
@pytest.mark.parametrize("key", ["num_records", "num_bytes", "crc32c"])
def test_a_shard_has_whole_numbers_and_a_checksum(key, value):
    values = json.loads(json.dumps(MANIFEST.to_dict()))
    values["shards"]["train-00000-of-00001.tfrecord"][key] = value
    with pytest.raises(DatasetError, match="cannot be read .*no whole|is not 8 hexa"):
        Manifest.from_dict(values)


ODD = (None, True, -1, 1.5, 10**30, "x" * 10**5, "é", [], [[[]]], {}, {"a": 1})


def odd(values, random):
    """JSON values, one of them another one, gone, or of another name."""
    place = values
    while True:
        keys = [*place] if isinstance(place, dict) else range(len(place))
        if not keys:
            return
        key = keys[random.integers(len(keys))]
        if isinstance(place[key], (dict, list)) and random.random() < 0.7:
            place = place[key]
            continue
        if isinstance(place, dict) and random.random() < 0.3:
            value = place.pop(key)
            if random.random() < 0.5:
                place[str(ODD[random.integers(len(ODD))])] = value
        else:
            place[key] = ODD[random.integers(len(ODD))]
        return


def test_two_thousand_mutated_files_are_read_or_refused(tmp_path):
    """In CI 200 of them. Half are other bytes, half other values; the answer is one
    data set's facts, or a DatasetError of fewer than 1,000 characters.
    """
    path, read = MANIFEST.save(tmp_path), 0
    whole = path.read_bytes()
    for case in range(nightly.of(200, 2000)):
        random = np.random.default_rng((5, case))
        if case % 2:
            how = mutations.FILE[case // 2 % len(mutations.FILE)]
            path.write_bytes(how(whole, random))
        else:
            values = json.loads(whole)
            odd(values, random)
            path.write_text(json.dumps(values))
        try:
            info = Manifest.load(tmp_path).info
        except DatasetError as e:
            assert str(path) in str(e) and len(str(e)) < 1000 + len(str(path)), case
        else:
            read += 1
            assert type(info.ignore_label) is int and 0 <= info.ignore_label <= 255
            assert all(type(n) is int and n >= 0 for n in info.split_sizes.values())
    print(f"{case + 1} files: {read} read, {case + 1 - read} refused")
    assert 0 < read < case


@pytest.mark.parametrize(
    "split, name, part",
    [
        ("val", "val", range(101)),
        ("val[:50%]", "val", range(50)),
        ("val[50%:]", "val", range(50, 101)),
        ("val[10:20]", "val", range(10, 20)),
        ("val[100:]", "val", range(100, 101)),
        ("val[:]", "val", range(101)),
        ("val[200:]", "val", range(0)),
        ("test[:3]", "test", range(0)),
        ("val[1]", "val[1]", range(0)),
        (f"val[{'9' * 5000}:]", f"val[{'9' * 5000}:]", range(0)),
    ],
)
def test_a_part_of_a_split(split, name, part):
    info = DatasetInfo("a", ("b",), ((0, 0, 0),), 255, {"val": 101})
    found = info.part(split)
    assert found[0] == name and list(found[1]) == list(part)
    if name == "val" and split.endswith("]"):
        assert list(info.part(split, 0)[1]) == []
