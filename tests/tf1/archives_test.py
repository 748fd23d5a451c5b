import pytest

from deeplab_dpc import WeightsError
from deeplab_dpc.tf1.archives import find_checkpoint, step_in_name


@pytest.fixture
def folder(tmp_path):
    """Makes an archive's folder with these checkpoints."""

    def make(*names):
        for name in names:
            (tmp_path / f"{name}.index").touch()
            (tmp_path / f"{name}.data-00000-of-00001").touch()
        return tmp_path

    return make


@pytest.mark.parametrize(
    "given", ["", "model.ckpt", "model.ckpt.index", "model.ckpt.data-00000-of-00001"]
)
def test_a_folder_a_prefix_and_a_file_mean_its_checkpoint(folder, given):
    path = folder("model.ckpt")
    assert find_checkpoint(path / given) == str(path / "model.ckpt")


def test_the_newest_of_several_has_the_largest_number(folder):
    path = folder("model.ckpt-900", "model.ckpt-30000", "model.ckpt-7000")
    assert find_checkpoint(path) == str(path / "model.ckpt-30000")


def test_the_state_file_may_tell_from_another_machine(folder):
    path = folder("model.ckpt-900", "model.ckpt-30000")
    (path / "checkpoint").write_text('model_checkpoint_path: "/old/model.ckpt-900"\n')
    assert find_checkpoint(path) == str(path / "model.ckpt-900")


def test_no_telling_which(folder):
    with pytest.raises(WeightsError, match="2 checkpoints .best, model.ckpt"):
        find_checkpoint(folder("best", "model.ckpt"))


def test_what_is_no_checkpoint(folder, tmp_path):
    with pytest.raises(WeightsError, match="It holds nothing"):
        find_checkpoint(tmp_path)
    (tmp_path / "frozen_inference_graph.pb").touch()
    with pytest.raises(WeightsError, match="A frozen graph alone"):
        find_checkpoint(tmp_path)
    with pytest.raises(WeightsError, match="tar xzf .*model.tar.gz"):
        find_checkpoint(tmp_path / "model.tar.gz")
    with pytest.raises(WeightsError, match="nothing.index is missing"):
        find_checkpoint(tmp_path / "nothing")


def test_a_folder_too_high(tmp_path):
    inner = tmp_path / "deeplabv3_cityscapes_train"
    inner.mkdir()
    (inner / "model.ckpt.index").touch()
    with pytest.raises(WeightsError, match=f"Did you mean {inner}"):
        find_checkpoint(tmp_path)


def test_the_step_in_a_name():
    assert step_in_name("a-3/model.ckpt-30000") == 30000
    assert step_in_name("a-3/model.ckpt") == 0
