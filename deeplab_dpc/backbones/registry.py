"""Backbones by the name of their flag."""

from typing import Any

import keras

from deeplab_dpc.backbones import mobilenet_v2, resnet_v1_beta
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
    if config.model_variant != "mobilenet_v2":
        is_xception = config.model_variant in BLOCKS
        own = BATCH_NORM_DECAY if is_xception else resnet_v1_beta.DECAY
        return (Xception if is_xception else ResNetV1Beta)(
            config.model_variant,
            config.output_stride,
            config.multi_grid,  # type: ignore[arg-type]
            activation_name(config),
            _decay(config, own),
            dtype=dtype,
        )
    if config.multi_grid is not None:
        raise ConfigError(
            f"multi_grid={config.multi_grid}, but {config.model_variant} has no "
            "block that it could change; leave it out or take an Xception or a ResNet."
        )
    return MobileNetV2(
        config.output_stride,
        config.depth_multiplier,
        config.divisible_by,
        _decay(config, mobilenet_v2.DECAY),
        dtype=dtype,
    )


def _decay(config: ModelConfig, own: float) -> float:
    """The backbone's `own` decay, unless the settings have another than the default."""
    is_default = config.batch_norm_decay == BATCH_NORM_DECAY
    return own if is_default else config.batch_norm_decay


def activation_name(config: ModelConfig) -> str:
    """ReLU, or ReLU6 where the activation is bounded."""
    return "relu6" if config.use_bounded_activation else "relu"
