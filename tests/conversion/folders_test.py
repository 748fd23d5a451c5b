"""Names of files: endings, capitals, accents, links and what is hidden."""

import pytest

from deeplab_dpc.conversion import folders
from deeplab_dpc.conversion.folders import Files
from deeplab_dpc.data.dataset_info import DatasetError
from tests.conversion.toy import touch


def test_image_endings_dropped(tmp_path):
    """Endings count whatever their capitals; long ones too."""
    touch(tmp_path, "a.Jpg", "b/c_LEFTimg8bit.PNG", "d.txt")
    found = Files(tmp_path, (".jpg", "_leftImg8bit.png"))
    assert {n: [p.name for p in paths] for n, paths in found.by_name.items()} == {
        "a": ["a.Jpg"],
        "b/c": ["c_LEFTimg8bit.PNG"],
    }
    assert found.path("x") == tmp_path / "x.jpg"


def test_two_images_of_one_name_are_refused(tmp_path):
    touch(tmp_path, "a.jpg", "a.PNG", "b.jpg")
    (tmp_path / "b.png").symlink_to("b.jpg")
    found = Files(tmp_path, (".jpg", ".png"))
    with pytest.raises(DatasetError, match=r"several files named 'a': a\.PNG, a\.jpg"):
        found.path("a")
    assert found.path("b").name == "b.jpg"


def test_symlinked_folder_dropped(tmp_path):
    """Links to folders are followed, those back to where they lie are not."""
    touch(tmp_path, "store/x/0.jpg", "images/a/0.jpg")
    (tmp_path / "images/b").symlink_to(tmp_path / "store")
    (tmp_path / "images/a/loop").symlink_to(tmp_path / "images")
    (tmp_path / "store/x/back").symlink_to("../../store")
    (tmp_path / "images/gone.jpg").symlink_to("nowhere")
    found = Files(tmp_path / "images", (".jpg",))
    assert list(found.by_name) == ["a/0", "b/x/0", "gone"]


@pytest.mark.parametrize(
    "names",
    [
        ("train2017", "val2017"),
        ("Train_set", "test-1", "x"),
        ("train ", "validation 2"),
    ],
)
def test_folders_that_are_called_nearly_as_splits_are_refused(tmp_path, names):
    with pytest.raises(DatasetError, match="seem to be splits, and would be mixed: c"):
        folders.check_near_splits([tmp_path / name for name in names])


@pytest.mark.parametrize("names", ["train2017", "trains valley", "site1 test_2", ""])
def test_other_folders_are_no_splits(tmp_path, names):
    folders.check_near_splits([tmp_path / name for name in names.split()])


def test_hidden_folder(tmp_path):
    touch(tmp_path, ".here/0.jpg", ".here/.ipynb_checkpoints/1.jpg", ".here/._0.jpg")
    assert list(Files(tmp_path / ".here", (".jpg",)).by_name) == ["0"]
    assert len(list(folders.walk(tmp_path / ".here", hidden=True))) == 3


def test_nfd_names(tmp_path):
    """The name is composed, the path as it is on the disk."""
    touch(tmp_path, "cafe\u0301.png")
    found = Files(tmp_path, (".png",))
    assert list(found.by_name) == ["caf\u00e9"]
    for name in ("caf\u00e9", "cafe\u0301"):
        assert found.path(name) == tmp_path / "cafe\u0301.png"
    touch(tmp_path, b"caf\xe9.png".decode(errors="surrogateescape"))
    with pytest.raises(DatasetError, match="is not UTF-8: rename it"):
        assert Files(tmp_path, (".png",)).by_name
