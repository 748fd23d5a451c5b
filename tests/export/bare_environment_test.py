"""Each format in a fresh environment that has its runtime and nothing of ours."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest

from deeplab_dpc.config import ExportConfig
from deeplab_dpc.export.versions import FILES
from deeplab_dpc.runs import Run
from tests import nightly
from tests.export import bare
from tests.packaging_test import PINNED
from tests.programs import tiny_run

PACKAGES = {
    "saved_model": "tensorflow",
    "onnx": "onnxruntime",
    "litert": "ai-edge-litert",
    "openvino": "openvino",
}


@pytest.mark.slow
@pytest.mark.skipif(not nightly.WHOLE, reason="downloads packages; make test-nightly")
@pytest.mark.parametrize("name", PACKAGES)
def test_labels_are_those_of_the_run(name, tmp_path):
    tiny_run.write_dataset(tmp_path / "records")
    tiny_run.write_run(tmp_path / "run", tmp_path / "records")
    run = Run.open(tmp_path / "run")
    images = np.random.default_rng(0).integers(0, 256, (2, 41, 49, 3), np.uint8)
    settings = ExportConfig(format=(name,), image_size=images.shape[1:3])
    folder = run.export(settings=settings).folder
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    python = tmp_path / "env" / "bin" / "python"
    package = f"{PACKAGES[name]}{PINNED[PACKAGES[name]].specifier}"
    command = [python, "-m", "pip", "install", "--quiet", package]
    subprocess.run(command, check=True)
    np.save(tmp_path / "images.npy", images)
    where = folder / FILES[name], tmp_path / "images.npy", tmp_path / "labels.npy"
    environment = {"PATH": "/usr/bin:/bin"}
    script = pathlib.Path(bare.__file__)
    subprocess.run([python, script, name, *where], env=environment, check=True)
    expected = np.stack(list(run.predict(images)))
    np.testing.assert_array_equal(np.load(tmp_path / "labels.npy"), expected)
