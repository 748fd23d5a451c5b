r"""What labelling an image takes: folded batch norms, bfloat16, exports.

python benchmarks/inference.py

Xception-71 and MobileNet-v2 with the published cell see an image of 513x513 and give
its labels, with random weights: time does not depend on them. The first alternative is
the network as it trains, which computes what the original's graph computes. Labels that
stay with trained weights: `precision.py`.
"""

import concurrent.futures
import itertools
import multiprocessing
import os
import pathlib
import sys
import tempfile
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import keras  # noqa: E402
import measuring  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from deeplab_dpc import inference  # noqa: E402
from deeplab_dpc.config import ModelConfig  # noqa: E402
from deeplab_dpc.export import saved_model  # noqa: E402
from deeplab_dpc.export.assets import Serving  # noqa: E402
from deeplab_dpc.genotypes import DPC_TOP1  # noqa: E402
from deeplab_dpc.layers.folding import Folded  # noqa: E402
from deeplab_dpc.layers.precision import predicting  # noqa: E402
from deeplab_dpc.model import build_model  # noqa: E402

NAME, SIDE = "inference", 513
FIELDS = ("benchmark", "model", "threads", *measuring.ALTERNATED)
CITYSCAPES = {"num_classes": 19, "genotype": DPC_TOP1}
MODELS = {
    "MobileNet-v2 + DPC": (ModelConfig(**CITYSCAPES), 20),
    "Xception-71 + DPC": (
        ModelConfig(
            model_variant="xception_71", decoder_output_stride=(4,), **CITYSCAPES
        ),
        8,
    ),
}
"""Each with its rounds."""
Labels = Callable[[tf.Tensor], tf.Tensor]


def main() -> None:
    """Measures all in a process for each number of threads; writes the rows."""
    rows = []
    context = multiprocessing.get_context("spawn")
    cores = int(str(measuring.machine()["cpus"]))
    for threads, name in itertools.product(range(1, min(cores, 2) + 1), MODELS):
        with concurrent.futures.ProcessPoolExecutor(1, context) as process:
            rows += process.submit(measured, name, threads).result()
    measuring.write(NAME, rows, FIELDS)


def measured(name: str, threads: int) -> list[dict[str, object]]:
    """The rows of a model, in a process whose TensorFlow has not computed yet."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    config, rounds = MODELS[name]
    pixels = np.random.default_rng(0).integers(0, 256, (1, SIDE, SIDE, 3), "uint8")
    images = tf.constant(pixels)
    with tempfile.TemporaryDirectory() as folder:
        found = alternatives(config, folder)
        runs = {name: (lambda f=f: f(images).numpy()) for name, f in found.items()}
        rows = measuring.alternate(runs, rounds)
    for row in rows:
        print(
            "{:20s} {} threads {alternative:20s} {wall_ms:>8} ms, {cpu_ms:>8} ms of "
            "processor time, {cpu_ratio} x".format(name, threads, **row),
            flush=True,
        )
    return [{"benchmark": NAME, "model": name, "threads": threads, **r} for r in rows]


def alternatives(config: ModelConfig, folder: str) -> dict[str, Labels]:
    """Functions from images to labels, by name; exports are written to `folder`."""
    keras.utils.set_random_seed(0)
    plain, exact, near = (_model(config, p) for p in ("float32", "float32", "bfloat16"))
    for model in (exact, near):
        model.set_weights(plain.get_weights())
    folded = {"folded": Folded(exact).fold(), "bfloat16": Folded(near).fold()}
    found = {"unfolded": _graph(plain), **{k: _graph(m) for k, m in folded.items()}}
    for name, model in folded.items():
        path = pathlib.Path(folder, name)
        saved_model.save(model, path, Serving())
        found[f"export, {name}"] = tf.saved_model.load(str(path))
    return found


def folded(config: ModelConfig, precision: str) -> Labels:
    """Labels of images by a folded model with random weights."""
    keras.utils.set_random_seed(0)
    return _graph(Folded(_model(config, precision)).fold())


def _model(config: ModelConfig, precision: str) -> keras.Model:
    with predicting(precision):
        return build_model(config)


def _graph(model: keras.Model) -> Labels:
    spec = tf.TensorSpec([None, None, None, 3], tf.uint8)
    return tf.function(
        lambda images: inference.labels(model, images), input_signature=[spec]
    )


if __name__ == "__main__":
    main()
