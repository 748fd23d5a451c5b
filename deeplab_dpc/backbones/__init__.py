"""Backbones at any output stride, and the one place that knows them by name."""

from typing import Any

import keras

from deeplab_dpc.backbones.mobilenet_v2 import MobileNetV2
from deeplab_dpc.backbones.resnet_v1_beta import ResNetV1Beta
from deeplab_dpc.backbones.xception import BLOCKS, Xception
from deeplab_dpc.config import BATCH_NORM_DECAY, ConfigError, ModelConfig


def make_backbone(config: ModelConfig, dtype: Any = None) -> keras.layers.Layer:
    """The backbone that `config` names.

    Returns:
        A layer from images `[batch, height, width, 3]` in -1..1 to a mapping:
        `"features"` at the output stride, and `"stride_4"` and so on for decoders.
    """
    variant, stride = config.model_variant, config.output_stride
    common: dict[str, Any] = {"dtype": dtype}
    if config.batch_norm_decay != BATCH_NORM_DECAY:  # Else each has its own.
        common["decay"] = config.batch_norm_decay
    if variant != "mobilenet_v2":
        kind: Any = Xception if variant in BLOCKS else ResNetV1Beta
        return kind(variant, stride, config.multi_grid, config.activation, **common)
    if config.multi_grid is not None:
        raise ConfigError(
            f"multi_grid={config.multi_grid}, but {variant} has no block that it could "
            "change; leave it out or take an Xception or a ResNet."
        )
    return MobileNetV2(stride, config.depth_multiplier, config.divisible_by, **common)
