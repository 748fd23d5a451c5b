import pytest

from deeplab_dpc import WeightsError
from deeplab_dpc.tf1.archives import find_checkpoint, step_in_name


@pytest.fixture
def folder(tmp_path):
    """Makes an archive's folder with these checkpoints."""

    def make(*names):
        for name in names:
            for suffix in ("index", "data-00000-of-00001"):
                (tmp_path / f"{name}.{suffix}").touch()
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


@pytest.mark.parametrize(
    "file, given, words",
    [
        (None, "", "It holds nothing"),
        ("frozen_inference_graph.pb", "", "A frozen graph alone"),
        (None, "model.tar.gz", "tar xzf .*model.tar.gz"),
        (None, "nothing", "nothing.index is missing"),
        ("train/model.ckpt.index", "", "Did you mean {0}/train"),  # Too high a folder.
    ],
)
def test_what_is_no_checkpoint(tmp_path, file, given, words):
    if file:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    with pytest.raises(WeightsError, match=words.format(tmp_path)):
        find_checkpoint(tmp_path / given)


def test_the_step_in_a_name():
    assert step_in_name("a-3/model.ckpt-30000") == 30000
    assert step_in_name("a-3/model.ckpt") == 0
