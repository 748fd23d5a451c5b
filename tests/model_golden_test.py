"""Every stored end point and the logits of the original, for each model folder."""

import dataclasses
import functools
import re

import keras
import numpy as np
import pytest
from keras import ops

import deeplab_dpc
from deeplab_dpc.backbones.xception import BLOCKS
from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.layers import resize_bilinear
from tests import goldens
from tests.recording import recording

TOLERANCE = 1e-4  # Of each tensor's largest magnitude.
FOLDERS = (
    "mobilenetv2_dpc",
    "xception71_dpc",
    "mobilenetv2_aspp",
    "mobilenetv2_aspp_rates",
    "mobilenetv2_dm05",
    "mobilenetv2_dpc_decoder",
    "xception41_aspp",
    "xception65_aspp",
)


def cases():
    if not goldens.FOLDER.is_dir():
        return [pytest.param(None, None, marks=goldens.needed)]
    return [
        pytest.param(folder, case, id=f"{folder}-{case['name']}")
        for folder in FOLDERS
        for case in goldens.meta(folder)["cases"]
    ]


def config_of(folder: str, case: dict) -> deeplab_dpc.ModelConfig:
    """The model that one golden case ran."""
    meta = goldens.meta(folder)
    flags = {**meta["flags"], **case.get("flags", {})}
    for name in ("decoder_output_stride", "image_pooling_crop_size"):
        if name in flags:
            flags[name] = tuple(int(n) for n in flags[name])
    return deeplab_dpc.ModelConfig(
        num_classes=meta["classes"],
        genotype=DPC_TOP1 if meta["dpc_top1"] else None,
        output_stride=case["os"],
        atrous_rates=case["rates"],
        crop_size=case["crop"],
        image_pyramid=case.get("pyramid"),
        **flags,
    )


@functools.lru_cache(maxsize=1)
def _model(folder: str, config: deeplab_dpc.ModelConfig) -> keras.Model:
    model = deeplab_dpc.build_model(dataclasses.replace(config, crop_size=None))
    deeplab_dpc.load_tf1_weights(model, goldens.weights(folder))
    return model


def run(folder: str, case: dict, images: np.ndarray):
    """The recording of one case's forward pass, and its logits."""
    model = _model(folder, config_of(folder, case))
    with recording() as record:
        logits = model(images, training=False)
    return record, logits


def end_point(record, key: str):
    """The tensor that the original stored under `key`, from what our layers did."""
    kind, _, name = key.partition(":")
    if kind == "features":
        backbones = ("MobilenetV2", "xception_41", "xception_65", "xception_71")
        backbone = next(b for b in backbones if b in record.calls)
        return record.output(backbone)["features"]
    if layer := re.fullmatch(r"layer_(\d+)(/depthwise_output)?", name):
        number, inner = int(layer[1]) - 2, layer[2]
        block = f"MobilenetV2/expanded_conv_{number}".removesuffix("_0")
        if number < 0:
            return record.output("MobilenetV2/Conv")
        return record.output(f"{block}/depthwise") if inner else record.output(block)[0]
    return OPS[name](record) if name in OPS else _scope(record, name)


def _scope(record, name):
    name = name.removesuffix("/Relu").removesuffix("/BiasAdd")
    if name.endswith("/xception_module"):
        return record.output(name)[0]
    if re.search(r"_flow/block\d+$", name):
        variant, _, block = name.partition("/")
        units = next(b.units for b in BLOCKS[variant] if b.scope == block)
        return record.output(f"{name}/unit_{units}/xception_module")[0]
    convolution_of_a_pooling = f"{name}_"
    if convolution_of_a_pooling in record.calls:
        return record.output(convolution_of_a_pooling)
    return record.output(name)


OPS = {
    "meta_architecture/concat": lambda r: r.input(
        "meta_architecture/concat_projection"
    ),
    "decoder/concat": lambda r: r.input("decoder/decoder_conv0"),
    "decoder/ResizeBilinear": lambda r: r.input("decoder/decoder_conv0")[..., :-48],
    "decoder/ResizeBilinear_1": lambda r: r.input("decoder/decoder_conv0")[..., -48:],
}


@pytest.mark.parametrize("folder, case", cases())
def test_a_model_equals_the_original(folder, case):
    """Every end point, the logits, and the classes but for ties (margin 1e-4)."""
    stored = goldens.arrays(f"{folder}/io_{case['name']}")
    record, logits = run(folder, case, stored["input"])
    names = {key.partition("|")[0] for key in stored}
    keys = sorted(k for k in names if k.startswith(("ep:", "op:", "features")))

    deviations = {k: goldens.deviation(stored, k, end_point(record, k)) for k in keys}
    deviations["merged_logits"] = goldens.deviation(stored, "merged_logits", logits)
    labels, margin = _predict(logits, config_of(folder, case), stored["input"].shape)
    differs = labels != stored["argmax"]

    assert len(deviations) > 25
    assert {k: d for k, d in deviations.items() if not d < TOLERANCE} == {}
    assert not (differs & (margin > TOLERANCE)).any()
    assert differs.mean() < 1e-3


def _predict(logits, config, shape):
    if config.prediction_with_upsampled_logits:
        logits = np.asarray(resize_bilinear(logits, shape[1:3]))
    else:
        rows, columns = (_nearest(n, m) for n, m in zip(logits.shape[1:3], shape[1:3]))
        logits = np.asarray(logits)[:, rows][:, :, columns]
    top = np.sort(logits, axis=-1)
    return logits.argmax(-1), (top[..., -1] - top[..., -2]) / np.abs(logits).max()


def _nearest(size: int, wanted: int) -> np.ndarray:
    """Source index of each target pixel: corners aligned, halves rounded up."""
    position = np.arange(wanted, dtype=np.float32) * np.float32(
        (size - 1) / max(wanted - 1, 1)
    )
    return np.minimum(np.floor(position + 0.5).astype(int), size - 1)


@goldens.needed
def test_each_scale_of_an_image_pyramid_equals_the_originals():
    case = next(c for c in goldens.meta("mobilenetv2_aspp")["cases"] if "pyramid" in c)
    stored = goldens.arrays(f"mobilenetv2_aspp/io_{case['name']}")
    record, _ = run("mobilenetv2_aspp", case, stored["input"])
    for scale in ("0.50", "1.00", "1.50"):
        logits = record.output(f"scale_{scale}")
        # The original stores each scale after resizing it to the merged size.
        assert goldens.deviation(stored, f"scale_logits_{scale}", logits) < TOLERANCE


@goldens.needed
@pytest.mark.parametrize("case", range(7))
def test_each_operator_of_the_cell_equals_the_originals(case):
    meta = goldens.meta("dpc_ops")[case]
    features = np.random.default_rng(meta["feature_seed"]).standard_normal(
        meta["feature_shape"]
    )
    cell = deeplab_dpc.layers.DensePredictionCell(
        meta["cell"],
        meta["output_stride"],
        pooling_crop_size=meta["image_pooling_crop_size"],
        name="meta_architecture",
    )
    cell.build(features.shape)
    variables = {deeplab_dpc.tf1.tf1_name(v): v for v in cell.weights}
    variables.pop("meta_architecture/dropout/seed_generator_state", None)
    stored_names = [name for name, _ in meta["variables"]]
    names = {n: v for n, v in variables.items() if "seed" not in n}
    assert sorted(names) == sorted(stored_names)
    for name, variable in names.items():
        variable.assign(goldens.recipe_value(name, variable.shape))
    stored = goldens.arrays(f"dpc_ops/io_{meta['name']}")

    y = cell(ops.convert_to_tensor(features.astype(np.float32)))

    assert goldens.deviation(stored, "out", y) < TOLERANCE
