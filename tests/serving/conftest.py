"""A service of a run folder and its export, for tests that leave it as it is."""

import pytest

from deeplab_dpc.config import ExportConfig
from deeplab_dpc.runs import Run
from tests.programs import tiny_run
from tests.serving import running

LIMITS = (
    *("--max_megapixels=0.3", "--max_body_megabytes=1", "--queue_length=8"),
    *("--read_timeout_s=1.5", "--timeout_s=30", "--max_reply_megabytes=8"),
)


@pytest.fixture(scope="session")
def served_folder(tmp_path_factory):
    above = tmp_path_factory.mktemp("served")
    tiny_run.write_dataset(above / "records")
    tiny_run.write_run(above / "street", above / "records")
    padded = ExportConfig(crop_size=(33, 33))  # As the run is evaluated.
    Run.open(above / "street").export(above / "exports", padded)
    return above


@pytest.fixture(scope="session")
def service(served_folder, tmp_path_factory):
    models = f"--model={served_folder}/street", f"--model=saved={served_folder}/exports"
    with running.running(tmp_path_factory.mktemp("log"), *models, *LIMITS) as found:
        yield found


@pytest.fixture(scope="session")
def expected(served_folder):
    """The labels of images, as the run finds them."""
    run = Run.open(served_folder / "street")
    predictor = run.predictor()
    run.restore(predictor.model)
    return lambda *images: list(run.predict(images, predictor))
