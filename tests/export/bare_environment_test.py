"""Each format in a fresh environment that has its runtime and nothing of ours."""

import numpy as np
import pytest

from benchmarks import bare_environments
from deeplab_dpc.evaluation import photos
from deeplab_dpc.programs import convert_checkpoint
from tests import goldens, nightly
from tests.programs import tiny_run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not nightly.WHOLE, reason="downloads; make test-nightly"),
]
WEIGHTS = goldens.REAL_DATA / "weights" / "deeplab_mobilenet_v2_voc_dequantised.npz"


@pytest.fixture(scope="module", params=bare_environments.PACKAGES)
def bare(request, tmp_path_factory):
    """A format, and the Python that runs it."""
    folder = tmp_path_factory.mktemp(request.param) / "env"
    return request.param, bare_environments.environment(folder, request.param)


def test_labels_of_noise_are_those_of_the_run(bare, tmp_path):
    tiny_run.write_dataset(tmp_path / "records")
    tiny_run.write_run(tmp_path / "run", tmp_path / "records")
    rng = np.random.default_rng(0)
    images = {x: rng.integers(0, 256, (41, 49, 3), np.uint8) for x in "ab"}
    rows = bare_environments.measure(tmp_path / "run", images, *bare)
    assert [row["differing"] for row in rows] == [0] * 4


@pytest.mark.skipif(not WEIGHTS.is_file(), reason=f"there is no {WEIGHTS}")
def test_labels_of_photos_are_those_of_a_published_model(bare, tmp_path):
    """Photos that are smaller than the file's are padded with 127, not 127.5."""
    run = tmp_path / "run"
    where = f"--checkpoint_dir={WEIGHTS}", f"--run_dir={run}"
    tiny_run.run(convert_checkpoint, *where)
    folder = goldens.REAL_DATA / "photos"
    images = {path.name: photos.read(path) for path in photos.in_folder(folder)}
    rows = bare_environments.measure(run, images, *bare, str(folder))
    for row in rows:
        assert row["differing"] < 1e-3 * row["pixels"], row
