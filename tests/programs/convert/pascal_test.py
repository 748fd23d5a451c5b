"""VOC 2012 and PASCAL-Person-Part: palette and grey PNGs, .mat files, lists."""

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.data import colormaps
from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.programs.convert import pascal
from tests import goldens
from tests.conversion import mat_files
from tests.programs.convert import stored
from tests.programs.convert.programs import convert

VOC = goldens.REAL_DATA / "samples/pascal_voc/VOCdevkit/VOC2012"
LABEL = np.array([[0, 15, 255], [20, 1, 0]], np.uint8)


@pytest.fixture
def root(tmp_path):
    for folder in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (tmp_path / folder).mkdir(parents=True)
    for name in "ab":
        Image.new("RGB", (3, 2)).save(tmp_path / f"JPEGImages/{name}.jpg")
    save_palette(tmp_path / "SegmentationClass/a.png", LABEL)
    (tmp_path / "ImageSets/Segmentation/train.txt").write_text("a\n")
    return tmp_path


def save_palette(path, label, order=None):
    """A palette PNG as VOC's; `order`: where an editor puts the colours."""
    order = np.arange(256) if order is None else order
    image = Image.fromarray(np.argsort(order).astype(np.uint8)[label])
    image.putpalette(colormaps.pascal(256)[order].ravel().tolist())
    assert image.mode == "P"
    image.save(path)


def source_of(root, folders=("SegmentationClass",), **settings):
    paths = [root / folder for folder in folders]
    lists = root / "ImageSets/Segmentation"
    return pascal.source(
        pascal.VOC, pascal.Folders(root / "JPEGImages", paths, lists, **settings)
    )


def test_indices_of_the_palette_are_the_ids(root):
    source = source_of(root)
    ids = source.read_label(source.splits["train"][0].label)
    np.testing.assert_array_equal(ids, LABEL)


def test_a_renumbered_palette_is_no_silent_wrong_label(root):
    """An editor keeps the colours and the picture, but swaps numbers 1 and 15."""
    order = np.arange(256)
    order[[1, 15]] = order[[15, 1]]
    path = root / "SegmentationClass/a.png"
    save_palette(path, LABEL, order)
    assert np.asarray(Image.open(path)).tolist() == [[0, 1, 255], [20, 15, 0]]
    with pytest.raises(
        DatasetError,
        match=r"index 1 is \(192, 128, 128\), class 15's.*--label_palette=classes",
    ):
        source_of(root).read_label(path)
    by_color = source_of(root, label_palette="classes").read_label(path)
    np.testing.assert_array_equal(by_color, LABEL)
    by_index = source_of(root, label_palette="indices").read_label(path)
    assert by_index.tolist() == [[0, 1, 255], [20, 15, 0]]


def test_augmented_set_from_two_folders(root):
    """train_aug lists pairs of paths; SBD's .mat where VOC has no label."""
    (root / "cls").mkdir()
    mat_files.save_sbd(root / "cls/a.mat", LABEL * 0)
    mat_files.save_sbd(root / "cls/b.mat", LABEL % 21)
    (root / "ImageSets/Segmentation/train_aug.txt").write_text(
        "/JPEGImages/a.jpg /SegmentationClassAug/a.png\n"
        "/JPEGImages/b.jpg /SegmentationClassAug/b.png\n"
    )
    source = source_of(root, ["SegmentationClass", "cls"], splits=["train_aug"])
    a, b = source.splits["train_aug"]
    assert (a.name, b.name) == ("a", "b")
    np.testing.assert_array_equal(source.read_label(a.label), LABEL)
    np.testing.assert_array_equal(source.read_label(b.label), LABEL % 21)


def test_grey_labels_in_a_folder_below_the_root(root):
    (root / "SegmentationClassAug").mkdir()
    Image.fromarray(LABEL).save(root / "SegmentationClassAug/a.png")
    (root / "SegmentationClass/a.png").unlink()
    convert(
        "voc2012",
        f"--voc_root={root}",
        "--semantic_segmentation_folder=SegmentationClassAug",
        f"--output_dir={root}/out",
    )
    np.testing.assert_array_equal(stored.ids(root / "out", "train")["a"], LABEL)


def test_annotations_of_pascal_part(tmp_path):
    """A head over a torso, beside a dog that is no person, as a user converts them."""
    for folder in ("JPEGImages", "Annotations_Part", "lists"):
        (tmp_path / folder).mkdir()
    Image.new("RGB", (4, 3)).save(tmp_path / "JPEGImages/a.jpg")
    (tmp_path / "lists/train.txt").write_text("a\n")
    mask = np.zeros((3, 4), np.uint8)
    head, torso = mask.copy(), mask.copy()
    head[0, 1], torso[1:, 1] = 1, 1
    person = mat_files.thing("person", head | torso, {"head": head, "torso": torso})
    dog = mat_files.thing("dog", mask + 1, {"head": mask + 1})
    mat_files.save_annotation(tmp_path / "Annotations_Part/a.mat", [dog, person])
    convert(
        "person_part",
        f"--person_part_root={tmp_path}",
        "--semantic_segmentation_folder=Annotations_Part",
        "--list_folder=lists",
        f"--output_dir={tmp_path}/out",
    )
    assert stored.ids(tmp_path / "out", "train")["a"].tolist() == [
        [0, 1, 0, 0],
        [0, 2, 0, 0],
        [0, 2, 0, 0],
    ]


@pytest.mark.parametrize(
    "layout", [pascal.VOC, pascal.PERSON_PART], ids=lambda x: x.name
)
def test_wrong_root_and_unknown_list(tmp_path, layout):
    folders = pascal.Folders(tmp_path, [tmp_path], tmp_path, splits=["val"])
    with pytest.raises(DatasetError, match="There are no lists .*--list_folder"):
        pascal.source(layout, folders)
    (tmp_path / "train.txt").write_text("a\n")
    with pytest.raises(DatasetError, match="--splits names val, but the lists .*train"):
        pascal.source(layout, folders)
