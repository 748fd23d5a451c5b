"""Which model a TF1 checkpoint holds, from the names and shapes of its tensors."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from deeplab_dpc.backbones import make_backbone
from deeplab_dpc.backbones.mobilenet_v2 import MobileNetV2
from deeplab_dpc.config import MODEL_VARIANTS, ModelConfig
from deeplab_dpc.genotypes import BACKBONE, DPC_TOP1
from deeplab_dpc.tf1.sources import WeightsError

SCOPES = {
    "MobilenetV2"
    if variant == "mobilenet_v2"
    else variant.removesuffix("_beta"): variant
    for variant in MODEL_VARIANTS
}
"""Backbones by their scope."""
DEPTH_MULTIPLIERS = (1.0, 0.25, 0.35, 0.5, 0.75, 1.3, 1.4)
PUBLISHED_RATES = (6, 12, 18)
LOGITS = "logits/semantic/weights"
CELL_FILTERS = 256

Shapes = Mapping[str, tuple[int, ...]]


@dataclasses.dataclass(frozen=True)
class Fact:
    """The value of a setting, and where it comes from."""

    value: Any
    origin: Literal["read", "assumed", "given"]  # From shapes, published, from a flag.
    reason: str  # Which tensor says so, or why it is assumed.


Facts = dict[str, Fact]


def infer_model(shapes: Shapes, given: Mapping[str, Any] | None = None) -> Facts:
    """The model's settings, by name, from its tensors' shapes by TF1 name.

    Rates, the output stride, activations and pooling windows leave no trace in
    weights: they are given, which wins, or the published models'. A `WeightsError` is
    raised for what is no DeepLab checkpoint, and where something that is neither
    readable nor published is not given.
    """
    facts = {name: Fact(v, "given", "flag") for name, v in (given or {}).items()}
    for part in (_backbone, _depth_multiplier, _context, _decoder):
        for name, fact in part(shapes, facts):
            facts.setdefault(name, fact)
    facts.setdefault("num_classes", Fact(shapes[LOGITS][-1], "read", LOGITS))
    facts.setdefault("output_stride", Fact(16, "assumed", "the published one"))
    return facts


def config_of(facts: Facts, kind: Any = ModelConfig) -> Any:
    """Those settings that a config has; all others are the original's defaults."""
    names = [field.name for field in dataclasses.fields(kind) if field.name in facts]
    return kind(**{name: facts[name].value for name in names})


Found = Iterator[tuple[str, Fact]]


def _backbone(shapes: Shapes, facts: Facts) -> Found:
    if LOGITS not in shapes:
        raise WeightsError(
            f"There is no {LOGITS} among its {len(shapes)} weights, so this is no "
            "segmentation model. A backbone or a classifier is for train.py's "
            "--tf_initial_checkpoint."
        )
    scopes = [scope for scope in SCOPES if _has(shapes, f"{scope}/")]
    if len(scopes) != 1:
        found = sorted({name.split("/")[0] for name in shapes})
        raise WeightsError(
            f"No backbone of {', '.join(MODEL_VARIANTS)} among the scopes {found}."
        )
    yield "model_variant", Fact(SCOPES[scopes[0]], "read", f"scope {scopes[0]}")


def _depth_multiplier(shapes: Shapes, facts: Facts) -> Found:
    if facts["model_variant"].value != "mobilenet_v2" or "depth_multiplier" in facts:
        return
    pattern = r"MobilenetV2/expanded_conv(_\d+)?/project/weights"
    found = {n: s[-1] for n, s in shapes.items() if re.fullmatch(pattern, n)}
    for multiplier in DEPTH_MULTIPLIERS:
        for divisor in (None, 8):
            scope, blocks = "MobilenetV2", MobileNetV2(16, multiplier, divisor).blocks
            if found == {
                f"{scope}/{b.name}/project/weights": b.filters for b in blocks
            }:
                reason = "channels of the backbone"
                yield "depth_multiplier", Fact(multiplier, "read", reason)
                if divisor:
                    yield "divisible_by", Fact(divisor, "read", reason)
                return
    raise WeightsError(
        f"The channels of MobileNet-v2, {sorted(set(found.values()))}, are those of no "
        f"depth multiplier of {DEPTH_MULTIPLIERS}; convert_checkpoint.py takes another "
        "--depth_multiplier."
    )


def _context(shapes: Shapes, facts: Facts) -> Found:
    if _has(shapes, "meta_architecture/"):
        return _cell(shapes, facts)
    if "aspp0/weights" in shapes:
        return _aspp(shapes, facts)
    return _no_context(shapes, facts)


def _cell(shapes: Shapes, facts: Facts) -> Found:
    found, wanted = _cell_shape(shapes), _said_cell(facts)
    if "genotype" in facts and found != wanted:
        raise WeightsError(
            f"The cell that was given has {wanted}, but the checkpoint has {found}."
        )
    if found != wanted:
        raise WeightsError(
            f"The cell is not the published one: it has {found}. Rates, grids and "
            "inputs are not in the weights; convert_checkpoint.py takes them with "
            "--dense_prediction_cell_json."
        )
    reason = "branches and channels of the published cell"
    yield "genotype", Fact(DPC_TOP1, "assumed", reason)


def _cell_shape(shapes: Shapes) -> str:
    """Each branch's kind (`1x1` also for a pooling) and input channels."""
    parts: list[str] = []
    while True:
        branch = f"meta_architecture/branch{len(parts)}"
        depthwise = shapes.get(f"{branch}_depthwise/depthwise_weights")
        if not (kernel := depthwise or shapes.get(f"{branch}/weights")):
            return ", ".join(parts) + " channels"
        kind = "3x3" if depthwise else "1x1"
        parts.append(f"branch {len(parts)} {kind} on {kernel[2]}")


def _said_cell(facts: Facts) -> str:
    """The same of the cell that is given, or else of the published one."""
    genotype = facts["genotype"].value if "genotype" in facts else DPC_TOP1
    channels, parts = _features(facts)["features"], []
    for i, branch in enumerate(genotype.branches):
        kind = "3x3" if branch.op == "conv3x3" else "1x1"
        inputs = channels if branch.source == BACKBONE else CELL_FILTERS
        parts.append(f"branch {i} {kind} on {inputs}")
    return ", ".join(parts) + " channels"


def _aspp(shapes: Shapes, facts: Facts) -> Found:
    filters = shapes["aspp0/weights"][-1]
    yield "aspp_convs_filters", Fact(filters, "read", "aspp0/weights")
    for name, tensor in (
        ("add_image_level_feature", "image_pooling/weights"),
        ("aspp_with_concat_projection", "concat_projection/weights"),
    ):
        yield name, _presence(shapes, tensor)
    numbers = {int(m[1]) for n in shapes if (m := re.match(r"aspp(\d+)[_/]", n))} - {0}
    if numbers:
        separable = "aspp1_depthwise/depthwise_weights"
        yield "aspp_with_separable_conv", _presence(shapes, separable)
    reason = f"{len(numbers) or 'no'} 3x3 branches"
    yield "atrous_rates", _rates(len(numbers), facts, reason)


def _no_context(shapes: Shapes, facts: Facts) -> Found:
    yield "aspp_with_batch_norm", Fact(False, "read", "no aspp0, no meta_architecture")
    yield "logits_kernel_size", Fact(shapes[LOGITS][0], "read", LOGITS)
    count = sum(bool(re.match(r"logits/semantic_\d+/weights", n)) for n in shapes)
    if count:
        yield "atrous_rates", _rates(count + 1, facts, f"{count + 1} logits")


def _rates(count: int, facts: Facts, reason: str) -> Fact:
    if "atrous_rates" in facts:
        return facts["atrous_rates"]
    if count == 0:
        return Fact(None, "read", reason)
    if count != len(PUBLISHED_RATES):
        raise WeightsError(
            f"The checkpoint has {reason}. Their rates are not in the weights, and the "
            "published models have none or three; convert_checkpoint.py takes them "
            "with --atrous_rates."
        )
    stride = facts["output_stride"].value if "output_stride" in facts else 16
    rates = tuple(rate * 16 // stride for rate in PUBLISHED_RATES)
    return Fact(rates, "assumed", f"{reason}, the published rates")


def _decoder(shapes: Shapes, facts: Facts) -> Found:
    pattern = r"decoder/feature_projection0(?:_(\d+))?/weights"
    stages = {int(m[1] or 0): n for n in shapes if (m := re.fullmatch(pattern, n))}
    if not stages:
        yield "decoder_output_stride", Fact(None, "read", "no scope decoder")
        return
    by_channels = {v: k for k, v in _features(facts).items() if k != "features"}
    strides = []
    for _, name in sorted(stages.items()):
        if shapes[name][2] not in by_channels:
            raise WeightsError(
                f"{name} reads {shapes[name][2]} channels, but the decoders of "
                f"{facts['model_variant'].value} read {sorted(by_channels)}."
            )
        strides.append(int(by_channels[shapes[name][2]].removeprefix("stride_")))
    yield "decoder_output_stride", Fact(tuple(strides), "read", stages[0])
    depthwise = "decoder/decoder_conv0_depthwise/depthwise_weights"
    separable = _presence(shapes, depthwise)
    yield "decoder_use_separable_conv", separable
    kernel = "conv0_pointwise" if separable.value else "conv0"
    kernel = f"decoder/decoder_{kernel}/weights"
    if kernel in shapes:
        yield "decoder_filters", Fact(shapes[kernel][-1], "read", kernel)


def _features(facts: Facts) -> dict[str, int]:
    """Channels of the backbone's outputs, by name."""
    names = ("model_variant", "depth_multiplier", "divisible_by")
    config = ModelConfig(**{n: facts[n].value for n in names if n in facts})
    outputs = make_backbone(config).compute_output_shape((None, None, None, 3))
    return {name: shape[-1] for name, shape in outputs.items()}


def _presence(shapes: Shapes, name: str) -> Fact:
    return Fact(name in shapes, "read", name if name in shapes else f"no {name}")


def _has(shapes: Shapes, prefix: str) -> bool:
    return any(name.startswith(prefix) for name in shapes)
