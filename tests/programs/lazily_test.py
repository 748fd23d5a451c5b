"""What programs do not import."""

import subprocess
import sys

CODE = """
import sys
from deeplab_dpc.programs import lazily
sys.meta_path.insert(0, lazily.KerasAlone())
import keras
assert "sklearn" not in sys.modules
from sklearn.gaussian_process import GaussianProcessRegressor
"""


def test_keras_does_not_import_scikit_learn_and_others_can():
    subprocess.run([sys.executable, "-c", CODE], check=True)
