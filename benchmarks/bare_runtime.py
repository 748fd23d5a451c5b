"""An exported file in a process with its runtime and NumPy alone.

python bare_runtime.py FORMAT FILE IMAGES.npz LABELS.npz
"""

import os
import sys

import numpy as np

OUTPUT = "SemanticPredictions"


def saved_model(path):
    """TensorFlow."""
    import tensorflow as tf

    model = tf.saved_model.load(os.path.dirname(path))
    return lambda images: model(images).numpy()


def onnx(path):
    """ONNX Runtime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    return lambda images: session.run([OUTPUT], {"images": images})[0]


def litert(path):
    """LiteRT."""
    from ai_edge_litert.interpreter import Interpreter

    serve = Interpreter(model_path=path).get_signature_runner("serving_default")
    return lambda images: serve(images=images)[OUTPUT]


def openvino(path):
    """OpenVINO."""
    import openvino

    precision = {"INFERENCE_PRECISION_HINT": "f32"}
    model = openvino.Core().compile_model(path, "CPU", precision)
    return lambda images: model({"images": images})[OUTPUT].copy()


if __name__ == "__main__":
    name, file, given, found = sys.argv[1:]
    run = globals()[name](file)
    labels = {key: run(image[np.newaxis])[0] for key, image in np.load(given).items()}
    assert "deeplab_dpc" not in sys.modules
    assert name == "saved_model" or "tensorflow" not in sys.modules
    np.savez(found, **labels)
