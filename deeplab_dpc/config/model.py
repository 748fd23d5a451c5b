"""What a model is."""

import dataclasses
from typing import Literal, get_args

from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.settings import Config, ConfigError, setting

Variant = Literal[
    "mobilenet_v2",
    "xception_41",
    "xception_65",
    "xception_71",
    "resnet_v1_50_beta",
    "resnet_v1_101_beta",
]
MODEL_VARIANTS: tuple[str, ...] = get_args(Variant)
OUTPUT_STRIDES = (8, 16, 32)
BATCH_NORM_DECAY = 0.9997


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelConfig(Config):
    """What `build_model` builds.

    Sizes are `(height, width)` in pixels. `genotype` takes a `Genotype`, or the list
    of the original's JSON format; `None` is ASPP.
    """

    num_classes: int = setting(
        21, "Classes, the ignored label left out.", flag=False, at_least=1
    )
    model_variant: Variant = setting("mobilenet_v2", "The backbone.")
    crop_size: tuple[int, int] | None = setting(
        None,
        "Height and width of the images that it is meant for. It takes any size, and "
        "its pooling windows follow each image.",
        at_least=1,
        flag=False,
    )
    output_stride: int = setting(
        16,
        "Pixels of the image for one pixel of the backbone's last feature map: 8, "
        "16 or (without a cell) 32.",
    )
    genotype: Genotype | None = setting(
        None, "The dense prediction cell; None is ASPP.", flag=False
    )
    atrous_rates: tuple[int, ...] | None = setting(
        None,
        "Rates of ASPP's 3x3 branches; none: image pooling and 1x1 only.",
        at_least=1,
        repeatable=True,
    )
    multi_grid: tuple[int, ...] | None = setting(
        None,
        "Three factors for the rates of the backbone's last block.",
        at_least=1,
        repeatable=True,
    )
    depth_multiplier: float = setting(
        1.0, "Factor on MobileNet-v2's channels.", above=0
    )
    divisible_by: int | None = setting(
        None,
        "MobileNet-v2 rounds its channels to multiples of this; by default 8, "
        "or 1 with a depth multiplier.",
        at_least=1,
    )
    image_pyramid: tuple[float, ...] | None = setting(
        None,
        "Scales at which one model sees the image; their logits are merged.",
        above=0,
        repeatable=True,
    )
    merge_method: Literal["max", "avg"] = setting(
        "max", "How an image pyramid's logits are merged."
    )
    add_image_level_feature: bool = setting(True, "ASPP has an image pooling branch.")
    image_pooling_crop_size: tuple[int, int] | None = setting(
        None,
        "Image size that sets the pooling windows, instead of the crop size.",
        at_least=1,
    )
    image_pooling_stride: tuple[int, int] = setting(
        (1, 1), "Stride of ASPP's image pooling.", at_least=1
    )
    aspp_with_batch_norm: bool = setting(
        True,
        "A context module (ASPP or cell) precedes the logits. Without it the "
        "logits are convolved straight from the backbone, once for each atrous rate.",
    )
    aspp_with_separable_conv: bool = setting(True, "ASPP's 3x3 branches are separable.")
    aspp_with_concat_projection: bool = setting(
        True, "ASPP projects its concatenation to aspp_convs_filters channels."
    )
    aspp_convs_filters: int = setting(256, "Channels of ASPP's branches.", at_least=1)
    decoder_output_stride: tuple[int, ...] | None = setting(
        None,
        "Output strides of the decoder's stages, such as 4; none: no decoder.",
        at_least=1,
    )
    decoder_use_separable_conv: bool = setting(True, "Separable decoder convolutions.")
    decoder_filters: int = setting(256, "Channels of the decoder.", at_least=1)
    logits_kernel_size: int = setting(
        1, "Kernel of the logits' convolution.", at_least=1
    )
    prediction_with_upsampled_logits: bool = setting(
        True,
        "Predict after resizing the logits to the image; else resize the "
        "prediction, by nearest neighbour.",
    )
    use_bounded_activation: bool = setting(False, "ReLU6 instead of ReLU.")
    batch_norm_decay: float = setting(
        BATCH_NORM_DECAY,
        "Decay of the moving averages. At the default MobileNet-v2 keeps its own "
        "0.997 and ResNet its 0.95; another value holds there, too. Short training "
        "needs a smaller one.",
        above=0,
        below=1,
    )

    @property
    def activation(self) -> Literal["relu", "relu6"]:
        """ReLU6 where the activation is bounded."""
        return "relu6" if self.use_bounded_activation else "relu"

    def _check(self) -> None:
        if self.output_stride not in OUTPUT_STRIDES:
            raise ConfigError(
                f"output_stride={self.output_stride}; it must be one of "
                f"{OUTPUT_STRIDES}."
            )
        if self.genotype is not None:
            self._check_cell()
        if self.multi_grid is not None and len(self.multi_grid) != 3:
            raise ConfigError(f"multi_grid={self.multi_grid}; it has three factors.")
        if self.aspp_with_batch_norm and self.logits_kernel_size != 1:
            raise ConfigError(
                f"logits_kernel_size={self.logits_kernel_size}, but after ASPP or a "
                "cell the logits' kernel is 1; pass --logits_kernel_size=1 or "
                "--noaspp_with_batch_norm."
            )

    def _check_cell(self) -> None:
        if self.output_stride == 32:
            raise ConfigError(
                "output_stride=32 with a cell: its rates are those at output stride "
                "16 and cannot be halved; use 16 or 8."
            )
        if self.atrous_rates is not None:
            raise ConfigError(
                f"atrous_rates={self.atrous_rates} belong to ASPP, but there is a "
                "cell, which has its own rates; give one of the two."
            )
        if not self.aspp_with_batch_norm:
            raise ConfigError(
                "aspp_with_batch_norm=False leaves out the context module, but there "
                "is a cell; give one of the two."
            )
