"""Exported files, opened by the programs that they were made for."""

import contextlib
import importlib
import logging
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

LABELS, PROBABILITIES = "SemanticPredictions", "SemanticProbabilities"
"""What the files call their outputs; the input is `images`."""
Call = Callable[[np.ndarray], np.ndarray]


class MissingError(ValueError):
    """A package that is not installed."""


class Runtime(NamedTuple):
    """An exported file, ready for uint8 images `[batch, height, width, 3]`; calls must
    not overlap.
    """

    labels: Call  # To `[batch, height, width]` integers.
    # To `[batch, height, width, classes]` float32, if the file has them.
    probabilities: Call | None
    size: tuple[int, int] | None = None  # Height and width that images must have.
    num_classes: int | None = None  # If the file says it.


MODULES = {
    "onnx": ("onnxruntime", "onnx", "tf2onnx"),
    "litert": ("ai_edge_litert.interpreter",),
    "openvino": ("openvino",),
}
"""What a format needs to be written and run; of a package that may be missing."""
_PACKAGES = {"litert": "ai-edge-litert"}  # Others are called as their modules.


def module(name: str, format: str) -> Any:
    """A module that a format needs; a `MissingError` says what to type."""
    handlers = list(logging.root.handlers)
    try:
        return importlib.import_module(name)
    except ImportError as e:
        packages = _PACKAGES.get(format, " ".join(MODULES[format]))
        missing = (e.name or name).partition(".")[0]
        raise MissingError(
            f"{missing} is not installed: pip install {packages} (or this package's "
            f"extra [{format}])."
        ) from e
    finally:
        logging.root.handlers[:] = handlers  # OpenVINO takes absl's away.


def require(format: str) -> None:
    """Checks that what a format needs is there, before the work is done."""
    for name in MODULES.get(format, ()):
        module(name, format)


def saved_model(path: pathlib.Path) -> Runtime:
    """A SavedModel, of this release or an earlier one, by its `saved_model.pb`."""
    import tensorflow as tf

    with contextlib.chdir(path.parent):  # To TensorFlow a path's [1] is a pattern.
        loaded = tf.saved_model.load(".")
    serve = loaded.signatures["serving_default"]
    # Earlier releases gave both there.
    serve_both = loaded.signatures.get("probabilities", serve)

    def call(function: Any, name: str) -> Call:
        # The object that was loaded keeps the variables alive.
        return lambda x: (loaded, function(images=tf.constant(x)))[1][name].numpy()

    return Runtime(
        call(serve, LABELS),
        call(serve_both, PROBABILITIES),
        num_classes=serve_both.structured_outputs[PROBABILITIES].shape[-1],
    )


def onnx(path: pathlib.Path) -> Runtime:
    """An ONNX file, run by ONNX Runtime."""
    runtime = module("onnxruntime", "onnx")
    providers = runtime.get_available_providers()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = _threads()
    session = runtime.InferenceSession(str(path), options, providers=providers)
    (images,) = session.get_inputs()

    def call(name: str) -> Call:
        return lambda x: session.run([name], {images.name: x})[0]

    return _runtime(call, [x.name for x in session.get_outputs()], images.shape)


def litert(path: pathlib.Path) -> Runtime:
    """A LiteRT (TensorFlow Lite) file."""
    interpreter = module("ai_edge_litert.interpreter", "litert")
    threads = _threads() or len(os.sched_getaffinity(0))
    opened = interpreter.Interpreter(model_path=str(path), num_threads=threads)
    serve = opened.get_signature_runner("serving_default")
    shape = opened.get_input_details()[0]["shape_signature"]

    def call(name: str) -> Call:
        return lambda x: serve(images=x)[name]

    return _runtime(call, list(serve.get_output_details()), shape)


def openvino(path: pathlib.Path) -> Runtime:
    """An OpenVINO file, with the precision that it was written for."""
    openvino = module("openvino", "openvino")
    core = openvino.Core()
    model = core.read_model(path)
    has_precision = model.has_rt_info(["precision"])
    precision = model.get_rt_info(["precision"]).astype(str) if has_precision else "f32"
    settings = {"INFERENCE_PRECISION_HINT": precision}
    settings["INFERENCE_NUM_THREADS"] = _threads()
    compiled = core.compile_model(model, "CPU", settings)
    dimensions = model.input("images").partial_shape

    def call(name: str) -> Call:
        return lambda x: compiled({"images": x}, share_outputs=False)[name]

    names = [output.any_name for output in model.outputs]
    shape = [None if d.is_dynamic else d.get_length() for d in dimensions]
    return _runtime(call, names, shape)


def keras_file(path: pathlib.Path) -> Runtime:
    """A Keras file, run by Keras's backend."""
    model = keras.models.load_model(path, compile=False)

    def call(name: str) -> Call:
        return lambda x: keras.ops.convert_to_numpy(model(x)[name])

    return _runtime(call, list(model.output), model.input_shape)


def _runtime(
    call: Callable[[str], Call], names: Sequence[str], shape: Sequence[Any]
) -> Runtime:
    """Of the outputs' names and the input's shape, whose known numbers are above 0."""
    batch, *size = (isinstance(n, int | np.integer) and n > 0 for n in shape[:3])
    calls = {name: _one_by_one(call(name)) if batch else call(name) for name in names}
    known = (int(shape[1]), int(shape[2])) if all(size) else None
    return Runtime(calls[LABELS], calls.get(PROBABILITIES), known)


def _threads() -> int:
    """So many as TensorFlow was told to take (`--num_threads`); 0: all cores."""
    import tensorflow as tf

    return tf.config.threading.get_intra_op_parallelism_threads()


def _one_by_one(call: Call) -> Call:
    """For a file that takes a single image."""
    return lambda images: np.concatenate([call(image[np.newaxis]) for image in images])


OPENERS = {
    ".pb": saved_model,
    ".onnx": onnx,
    ".tflite": litert,
    ".xml": openvino,
    ".keras": keras_file,
}
"""What opens a file, by its ending; another format is another line here."""


def is_export(path: pathlib.Path) -> bool:
    """Whether a file is one of an export, by its name."""
    is_other = path.suffix == ".pb" and path.name != "saved_model.pb"
    return path.suffix in OPENERS and path.is_file() and not is_other


def opened(path: pathlib.Path) -> Runtime:
    """A file of an export, ready to run. `MissingError` without the package for it."""
    return OPENERS[path.suffix](path)
