"""The whole prediction, uint8 images to labels, as files of other programs."""

import contextlib
import dataclasses
import pathlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from deeplab_dpc.export import saved_model
from deeplab_dpc.export.assets import Serving
from deeplab_dpc.export.runtimes import LABELS, PROBABILITIES, module
from deeplab_dpc.export.versions import ExportError
from deeplab_dpc.layers.folding import Folded
from deeplab_dpc.model import ResizeTo


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What is converted."""

    model: keras.Model  # Whose batch norms are folded.
    serving: Serving
    size: tuple[int, int] | None  # Of images, one at a time; None: any, in batches.
    with_probabilities: bool = False
    quantize: str = "none"  # See `ExportConfig`.
    calibration: Callable[[], Iterable[np.ndarray]] = tuple  # Gives uint8 images.

    def function(self) -> tf.types.experimental.PolymorphicFunction:
        """Images to a dictionary of outputs, in TensorFlow."""
        folded, serving = Folded(self.model).fold(), self.serving
        shape = [None, None, None, 3] if self.size is None else [1, *self.size, 3]
        signature = [tf.TensorSpec(shape, tf.uint8, "images")]

        @tf.function(input_signature=signature)
        def serve(images: tf.Tensor) -> dict[str, tf.Tensor]:
            labels, probabilities = saved_model.predict(folded, images, serving)
            found = {LABELS: tf.cast(labels, _dtype(self.model))}
            if self.with_probabilities:
                found[PROBABILITIES] = probabilities
            return found

        return serve


def onnx(prediction: Prediction, path: pathlib.Path) -> None:
    """Writes ONNX."""
    convert = module("tf2onnx.convert", "onnx")
    serve = prediction.function()
    signature = serve.input_signature
    model, _ = convert.from_function(serve, input_signature=signature, opset=17)
    _round_sizes(model.graph)
    path.write_bytes(model.SerializeToString())


def _round_sizes(graph: Any) -> None:
    """Makes the factors of resizings a little larger: their product with the size is
    rounded down, and 7 * (97 / 7) is below 97.
    """
    numpy_helper = module("onnx.numpy_helper", "onnx")
    constants = {constant.name: constant for constant in graph.initializer}
    for node in graph.node:
        if node.op_type == "Resize" and len(node.input) == 3:
            constant = constants[node.input[2]]
            factors = np.array([1, 1, 1 + 1e-6, 1 + 1e-6], np.float32)
            scales = numpy_helper.to_array(constant) * factors
            constant.CopyFrom(numpy_helper.from_array(scales, constant.name))


def litert(prediction: Prediction, path: pathlib.Path) -> None:
    """Writes LiteRT, quantized if asked for; what has no kernel of 8 bits stays."""
    with _saved(prediction) as folder:
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=["serving_default"]
        )
        if prediction.quantize in ("dynamic", "int8"):
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if prediction.quantize == "int8":
            converter.representative_dataset = lambda: (
                {"images": image[np.newaxis]} for image in prediction.calibration()
            )
        path.write_bytes(converter.convert())


def openvino(prediction: Prediction, path: pathlib.Path) -> None:
    """Writes OpenVINO's .xml and the .bin beside it."""
    openvino = module("openvino", "openvino")
    with _saved(prediction) as folder:
        model = openvino.convert_model(folder)
    if prediction.quantize == "bf16":  # What `runtimes.openvino` computes with.
        model.set_rt_info("bf16", ["precision"])
    is_half = prediction.quantize == "f16"
    openvino.save_model(model, path, compress_to_fp16=is_half)


def keras_file(prediction: Prediction, path: pathlib.Path) -> None:
    """Writes a .keras file of layers of this package; of what lies around the network,
    it has the resizing to the image's size and the argmax.
    """
    around = prediction.serving
    averaging = around.averaging
    is_more = around.crop_size or around.data.min_resize_value is not None
    if is_more or not (averaging.is_plain and averaging.upsample_logits):
        raise ExportError(
            "A .keras file is the network alone: it pads and resizes no images, "
            "averages over no scales or flips, and has its logits upsampled. Leave "
            "`keras` out of --format, or these settings."
        )
    size = prediction.size or (None, None)
    images = keras.Input((*size, 3), dtype="uint8", name="images")
    wide = ops.cast(images, "float32")
    logits = ResizeTo(1.0, name="image_logits")([prediction.model(wide), wide])
    labels = ops.cast(ops.argmax(logits, -1), _dtype(prediction.model))
    outputs = {LABELS: labels}
    if prediction.with_probabilities:
        outputs[PROBABILITIES] = ops.softmax(logits)
    keras.Model(images, outputs).save(path)


@contextlib.contextmanager
def _saved(prediction: Prediction) -> Iterator[str]:
    """A folder with a SavedModel of the one signature, for as long as it is needed."""
    saved = tf.Module()
    saved.weights = [variable.value for variable in prediction.model.weights]
    saved.serve = prediction.function()
    with tempfile.TemporaryDirectory() as folder:
        signatures = {"serving_default": saved.serve}
        tf.saved_model.save(saved, folder, signatures=signatures)
        yield folder


def _dtype(model: keras.Model) -> str:
    """That of labels."""
    return "uint8" if model.output_shape[-1] <= 256 else "int32"
