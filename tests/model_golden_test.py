"""Every stored end point and the logits of the original, for each model folder."""

import dataclasses
import functools
import re

import keras
import numpy as np
import pytest
from keras import ops

import deeplab_dpc
from deeplab_dpc import inference
from deeplab_dpc.backbones import resnet_v1_beta
from deeplab_dpc.backbones.xception import BLOCKS
from tests import goldens
from tests.recording import recording

TOLERANCE = 1e-4  # Of each tensor's largest magnitude.
BACKBONES = ("MobilenetV2", "xception_41", "xception_65", "xception_71", "resnet_v1_50")


def cases():
    if not goldens.FOLDER.is_dir():
        return [pytest.param(None, None, marks=goldens.skipped_without)]
    return [
        pytest.param(folder, case, id=f"{folder}-{case['name']}")
        for folder in goldens.model_folders()
        for case in goldens.meta(folder)["cases"]
    ]


@functools.lru_cache(maxsize=1)
def _model(folder: str, config: deeplab_dpc.ModelConfig) -> keras.Model:
    model = deeplab_dpc.build_model(dataclasses.replace(config, crop_size=None))
    deeplab_dpc.load_tf1_weights(model, goldens.weights(folder))
    return model


def run(folder: str, case: dict, images: np.ndarray):
    """The recording of one case's forward pass, and its logits."""
    model = _model(folder, goldens.model_config(folder, case))
    with recording() as record:
        logits = model(images, training=False)
    return record, logits


def end_point(record, key: str):
    """The tensor that the original stored under `key`, from what our layers did."""
    kind, _, name = key.partition(":")
    if kind == "features":
        backbone = next(b for b in BACKBONES if b in record.calls)
        return record.output(backbone)["features"]
    if layer := re.fullmatch(r"layer_(\d+)(/depthwise_output)?", name):
        number, inner = int(layer[1]) - 2, layer[2]
        block = f"MobilenetV2/expanded_conv_{number}".removesuffix("_0")
        if number < 0:
            return record.output("MobilenetV2/Conv")
        return record.output(f"{block}/depthwise") if inner else record.output(block)[0]
    if pooling := re.fullmatch(POOLING_OP, name):
        return _pooling(record, int(pooling[2] or 0), pooling[1] == "AvgPool2D")
    if name in INPUTS:
        scope, channels = INPUTS[name]
        return record.input(scope)[..., channels]
    return _scope(record, name)


POOLING_OP = r"meta_architecture/(AvgPool2D|ResizeBilinear)(?:_(\d+))?(?:/AvgPool)?"


def _pooling(record, number, is_average):
    """What the cell's pooling of this number averaged, or gave in the end."""
    convolutions = [s for s in record.calls if re.fullmatch(r".*/branch\d+_", s)]
    scope = sorted(convolutions)[number]
    return record.input(scope) if is_average else record.output(scope.rstrip("_"))


def _scope(record, name):
    name = name.removesuffix("/Relu").removesuffix("/BiasAdd")
    if name.endswith(("/xception_module", "/bottleneck_v1")):
        return record.output(name)[0]
    if re.search(r"_flow/block\d+$", name):
        variant, _, block = name.partition("/")
        units = next(b.units for b in BLOCKS[variant] if b.scope == block)
        return record.output(f"{name}/unit_{units}/xception_module")[0]
    if block := re.fullmatch(r"resnet_v1_50/block(\d)", name):
        units = resnet_v1_beta.UNITS["resnet_v1_50_beta"][int(block[1]) - 1]
        return record.output(f"{name}/unit_{units}/bottleneck_v1")[0]
    of_a_pooling = f"{name}_"
    return record.output(of_a_pooling if of_a_pooling in record.calls else name)


INPUTS = {  # Of which layer an op's output is the input, and which channels of it.
    "meta_architecture/concat": ("meta_architecture/concat_projection", slice(None)),
    "decoder/concat": ("decoder/decoder_conv0", slice(None)),
    "decoder/ResizeBilinear": ("decoder/decoder_conv0", slice(-48)),
    "decoder/ResizeBilinear_1": ("decoder/decoder_conv0", slice(-48, None)),
}


@pytest.mark.golden
@pytest.mark.parametrize("folder, case", cases())
def test_a_model_equals_the_original(folder, case):
    """Every end point, logits, probabilities, and the classes but for ties."""
    stored = goldens.Stored(f"{folder}/io_{case['name']}.npz")
    record, logits = run(folder, case, stored["input"])
    names = {key.partition("|")[0] for key in stored}
    keys = sorted(k for k in names if k.startswith(("ep:", "op:", "features")))
    assert len(keys) > 25

    for key in keys:
        stored.check(key, "end points", end_point(record, key), TOLERANCE)
    stored.check("merged_logits", "logits", logits, TOLERANCE)
    upsampled = goldens.model_config(folder, case).prediction_with_upsampled_logits
    labels, probabilities, margin = _predict(logits, stored["input"], upsampled)
    stored.check("prob", "probabilities", probabilities, TOLERANCE)
    differs = labels != stored["argmax"]
    assert not (differs & (margin > TOLERANCE)).any()
    goldens.check(stored.file, "share of other classes (ties)", differs.mean(), 5e-4)


def _predict(logits, images, upsample_logits):
    """Classes, probabilities, and the margin between the best two classes."""
    averaging = inference.Averaging(upsample_logits=upsample_logits)
    labels, probabilities = inference.predict(
        lambda images, training: logits, images, averaging
    )
    scores = probabilities
    if not upsample_logits:
        scores = inference.resize_nearest(ops.softmax(logits), images.shape[1:3])
    top = np.sort(scores, axis=-1)
    return np.asarray(labels), probabilities, top[..., -1] - top[..., -2]


@goldens.needed
def test_each_scale_of_an_image_pyramid_equals_the_originals():
    case = next(c for c in goldens.meta("mobilenetv2_aspp")["cases"] if "pyramid" in c)
    stored = goldens.Stored(f"mobilenetv2_aspp/io_{case['name']}.npz")
    record, _ = run("mobilenetv2_aspp", case, stored["input"])
    for scale in ("0.50", "1.00", "1.50"):
        logits = record.output(f"scale_{scale}")
        # The original stores each scale after resizing it to the merged size.
        key = f"scale_logits_{scale}"
        stored.check(key, "logits of each scale", logits, TOLERANCE)


@goldens.needed
@pytest.mark.parametrize("case", range(7))
def test_each_operator_of_the_cell_equals_the_originals(case):
    meta = goldens.meta("dpc_ops")[case]
    random = np.random.default_rng(meta["feature_seed"])
    features = random.standard_normal(meta["feature_shape"])
    cell = deeplab_dpc.layers.DensePredictionCell(
        meta["cell"],
        meta["output_stride"],
        pooling_crop_size=meta["image_pooling_crop_size"],
        name="meta_architecture",
    )
    cell.build(features.shape)
    names = deeplab_dpc.tf1.variables_by_tf1_name(goldens.fill(cell))
    assert sorted(names) == sorted(name for name, _ in meta["variables"])
    stored = goldens.Stored(f"dpc_ops/io_{meta['name']}.npz")

    with recording() as record:
        y = cell(ops.convert_to_tensor(features.astype(np.float32)))

    stored.check("out", "output", y, TOLERANCE)
    for key in sorted({key.partition("|")[0] for key in stored}):
        if key.startswith("op:"):
            stored.check(key, "operators", end_point(record, key), TOLERANCE)
