"""CamVid in its two layouts."""

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.conversion.labels import reading
from deeplab_dpc.data.dataset_info import DatasetError, known
from deeplab_dpc.programs.convert import camvid
from tests import goldens
from tests.programs.convert import stored
from tests.programs.convert.programs import convert

CAMVID = goldens.REAL_DATA / "camvid"
# A colour of each of the 11 classes that is not the one the class is drawn in, and void.
MERGED = dict(
    zip(
        [(128, 128, 128), (64, 192, 0), (0, 0, 64), (128, 0, 192), (0, 0, 192)]
        + [(192, 192, 0), (0, 64, 64), (64, 64, 128), (64, 128, 192), (192, 128, 64)]
        + [(192, 0, 192), (0, 0, 0)],
        [*range(11), 255],
    )
)


@pytest.fixture
def original(tmp_path):
    names = ["0001TP_006690", "0016E5_07959", "Seq05VD_f00000", "0001TP_008550"]
    for folder in ("701_StillsRaw_full", "LabeledApproved_full"):
        (tmp_path / folder).mkdir()
    picture = np.array([list(MERGED)], np.uint8).repeat(2, axis=0)
    for name in names:
        Image.new("RGB", (12, 2)).save(tmp_path / f"701_StillsRaw_full/{name}.png")
        Image.fromarray(picture).save(tmp_path / f"LabeledApproved_full/{name}_L.png")
    return tmp_path


def test_the_original_layout(original):
    done = convert(
        "camvid", f"--camvid_root={original}", f"--output_dir={original}/out"
    )
    assert "train 1 of 367, val 1 of 101, test 2 of 233" in done.stderr
    found = stored.ids(original / "out", "test")
    assert sorted(found) == ["0001TP_008550", "Seq05VD_f00000"]
    for ids in found.values():
        assert ids.tolist() == [list(MERGED.values())] * 2


def test_every_one_of_the_32_colours(original):
    source = camvid.source(original)
    palette = source.read_label.palette
    assert len({color for color, _ in palette.entries}) == 32
    drawn = dict(palette.entries)
    facts = known("camvid")
    for name, color in zip(facts.class_names, facts.colors):
        if name != "pavement":  # SegNet draws it in a colour of its own.
            assert facts.class_names[drawn[color]] == name


def test_an_unknown_colour_and_a_foreign_still(original):
    source = camvid.source(original)
    path = original / "LabeledApproved_full/0001TP_006690_L.png"
    Image.fromarray(np.full((2, 12, 3), 77, np.uint8)).save(path)
    with pytest.raises(DatasetError, match=r"\(77, 77, 77\) 24 pixels"):
        source.read_label(path)
    for folder, end in {"701_StillsRaw_full": "", "LabeledApproved_full": "_L"}.items():
        Image.new("RGB", (1, 1)).save(original / folder / f"holiday{end}.png")
    with pytest.raises(DatasetError, match="holiday.png is none of CamVid's 701"):
        camvid.source(original)


def test_wrong_root_says_what_is_expected(tmp_path):
    with pytest.raises(DatasetError, match="is not CamVid's folder"):
        camvid.source(tmp_path)


@goldens.real_data_needed
def test_classes_and_void():
    source = camvid.source(CAMVID)
    assert source.read_label == reading.Ids(11, ignore_label=11)
    assert {split: len(items) for split, items in source.splits.items()} == {
        "train": 367,
        "val": 101,
        "test": 60,
    }
    assert source.class_names == known("camvid").class_names
    assert source.colors == known("camvid").colors


@goldens.real_data_needed
def test_the_published_splits_are_known_by_name():
    """The lists of the prepared data set agree with what the names of stills say."""
    split_of = camvid.split_of
    for split in ("train", "val", "test"):
        names = (CAMVID / f"{split}.txt").read_text().split()
        assert {split_of(name) for name in names} == {split}
