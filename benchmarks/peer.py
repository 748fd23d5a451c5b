"""One peer's labels of an image, as often as asked: a process that peers.py talks to.

python benchmarks/peer.py "openvino, bfloat16" model.xml 513 1

It runs in the peer's own environment, so it imports what that has alone.
"""

import sys
import time
from collections.abc import Callable

import numpy as np

Label = Callable[[], object]


def main(kind: str, model: str, side: int, threads: int) -> None:
    """Answers each line with wall and processor milliseconds of one more image."""
    name, *options = kind.split(", ")
    run = PEERS[name](model, side, threads, options)
    run()
    print("ready", flush=True)
    for _ in sys.stdin:
        began, spent = time.perf_counter(), time.process_time()
        run()
        wall, cpu = time.perf_counter() - began, time.process_time() - spent
        print(1e3 * wall, 1e3 * cpu, flush=True)


def pixels(side: int) -> np.ndarray:
    """An image as programs have it, `[1, side, side, 3]` uint8."""
    return np.random.default_rng(0).integers(0, 256, (1, side, side, 3), "uint8")


def ours(model: str, side: int, threads: int, options: list[str]) -> Label:
    """Our own graph, folded; the model is a name of `inference.MODELS`."""
    import inference
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    precision = "bfloat16" if "bfloat16" in options else "float32"
    labels = inference.folded(inference.MODELS[model][0], precision)
    images = tf.constant(pixels(side))
    return lambda: labels(images).numpy()


def onnxruntime(model: str, side: int, threads: int, options: list[str]) -> Label:
    """ONNX Runtime on our export, a file."""
    import onnxruntime as runtime

    settings = runtime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = threads
    session = runtime.InferenceSession(model, settings, ["CPUExecutionProvider"])
    images = {session.get_inputs()[0].name: pixels(side)}
    names = [session.get_outputs()[0].name]
    return lambda: session.run(names, images)


def openvino(model: str, side: int, threads: int, options: list[str]) -> Label:
    """OpenVINO on our export, a file."""
    import openvino as runtime

    precision = "bf16" if "bfloat16" in options else "f32"
    settings = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads}
    compiled = runtime.Core().compile_model(model, "CPU", settings)
    images = pixels(side)
    return lambda: compiled(images)


def smp(model: str, side: int, threads: int, options: list[str]) -> Label:
    """PyTorch's DeepLabv3+ on timm's Xception-71, with its own context module and
    decoder. It takes sides that are multiples of 16.
    """
    import segmentation_models_pytorch as models
    import torch

    torch.set_num_threads(threads)
    settings = {"encoder_weights": None, "encoder_output_stride": 16, "classes": 19}
    network = models.DeepLabV3Plus("tu-xception71", **settings).eval()
    network = network.to(memory_format=torch.channels_last)
    if "torch.compile" in options:
        network = torch.compile(network)
    images = torch.from_numpy(pixels(side - side % 16)).permute(0, 3, 1, 2)

    def run() -> object:
        is_low = "bfloat16" in options
        with torch.inference_mode(), torch.autocast("cpu", enabled=is_low):
            return network(images.float() / 127.5 - 1).argmax(1).numpy()

    return run


PEERS = {f.__name__: f for f in (ours, onnxruntime, openvino, smp)}


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
