"""Which checkpoint of a folder is the newest."""

from deeplab_dpc import checkpoint_files
from deeplab_dpc.training import checkpoints
from tests.training import tiny


def test_the_newest_is_the_one_that_the_folder_names(tmp_path):
    assert checkpoint_files.newest(tmp_path) is None
    prefix = checkpoints.save_once(tiny.logits_alone(), tmp_path, 9)
    assert checkpoint_files.newest(tmp_path) == prefix == str(tmp_path / "ckpt-9")


def test_without_the_naming_file_the_highest_step_is_taken_with_a_word(
    tmp_path, caplog
):
    for step in (9, 1000, 200):
        folder = tmp_path / str(step)
        checkpoints.save_once(tiny.logits_alone(), folder, step)
        for path in folder.glob("ckpt-*"):
            path.rename(tmp_path / path.name)
    (tmp_path / "ckpt-5000.data-00000-of-00001").write_bytes(b"no index: half a copy")
    with caplog.at_level("WARNING"):
        assert checkpoint_files.newest(tmp_path) == str(tmp_path / "ckpt-1000")
    assert "no file `checkpoint` names" in caplog.text
    assert "ckpt-5000.index is missing); taking ckpt-1000." in caplog.text
