"""The whole network: backbone, context module, decoder, logits."""

from typing import Any, Literal, get_args

import keras
from keras import ops

from deeplab_dpc.backbones import make_backbone
from deeplab_dpc.config import ConfigError, ModelConfig
from deeplab_dpc.layers.aspp import ASPP
from deeplab_dpc.layers.base import Layer
from deeplab_dpc.layers.cell import DensePredictionCell, feature_map_size
from deeplab_dpc.layers.decoder import Decoder
from deeplab_dpc.layers.logits import Logits
from deeplab_dpc.layers.resize import resize_bilinear, scale_dimension

Tensor = Any
Output = Literal["logits", "image"]


def build_model(
    config: ModelConfig, seed: int | None = None, output: Output = "logits"
) -> keras.Model:
    """Builds the network that `config` describes.

    It computes in Keras's global dtype policy; the logits are float32 under any.

    Args:
        config: What to build.
        seed: Of the dropout; initial weights follow `keras.utils.set_random_seed`.
        output: `"image"` resizes the logits to the images' size, corners aligned, for
            Keras's own `fit` and `predict` with labels of that size.

    Returns:
        A model from images `[batch, height, width, 3]` in 0..255 (uint8 or float, any
        size) to logits `[batch, h, w, num_classes]`, where h and w are the image's
        sides divided by the decoder's last stride, or else the output stride, rounded
        up. With an image pyramid the logits are merged, and the layers `scale_0.50`
        and so on give each scale's own.

    Raises:
        ConfigError: If the backbone has no features at a decoder's stride, or the
            output is none of the two.

    >>> build_model(ModelConfig()).compute_output_shape((1, 65, 65, 3))
    (1, 5, 5, 21)
    >>> model = build_model(ModelConfig(), output="image")
    >>> model.compute_output_shape((1, 65, 65, 3))
    (1, 65, 65, 21)
    """
    if output not in get_args(Output):
        raise ConfigError(f"output={output!r}; it is one of {get_args(Output)}.")
    images = keras.Input((None, None, 3), name="images", dtype="float32")
    logits = _merged_logits(config, _Network(config, seed), images)
    if output == "image":
        logits = ResizeTo(1.0, name="image_logits")([logits, images])
    return keras.Model(images, logits, name="deeplab")


def _merged_logits(config: ModelConfig, network: "_Network", images: Tensor) -> Tensor:
    """The logits of the images, or those of each scale of the pyramid, merged."""
    scales = config.image_pyramid or (1.0,)
    if scales == (1.0,):
        return network(images)
    strides = config.decoder_output_stride or (config.output_stride,)
    factor = max(1.0, *scales) / min(strides)
    logits = []
    for scale in scales:
        scaled = ScaleImages(scale, name=f"images_{scale:.2f}")(images)
        resize = ResizeTo(factor, name=f"scale_{scale:.2f}")
        logits.append(resize([network(scaled), images]))
    if len(logits) == 1:
        return logits[0]
    merge = {"max": keras.layers.Maximum, "avg": keras.layers.Average}
    return merge[config.merge_method](name="merged_logits", dtype="float32")(logits)


class _Network:
    """The layers of a model; called once for each scale, with the same weights."""

    def __init__(self, config: ModelConfig, seed: int | None):
        self.rescale = keras.layers.Rescaling(
            2.0 / 255.0, offset=-1.0, name="rescale", dtype="float32"
        )
        self.backbone = make_backbone(config)
        self.context = _make_context_module(config, seed)
        self.stages = _decoder_stages(config, self.backbone)
        self.decoder: Decoder | None = None
        if self.stages:
            self.decoder = Decoder(
                len(self.stages),
                config.decoder_filters,
                config.decoder_use_separable_conv,
                config.activation,
                config.batch_norm_decay,
                name="decoder",
            )
        rates = (1,) if config.aspp_with_batch_norm else config.atrous_rates or (1,)
        kernel_size = config.logits_kernel_size
        self.logits = Logits(config.num_classes, kernel_size, rates, name="logits")

    def __call__(self, images: Tensor) -> Tensor:
        found = self.backbone(self.rescale(images))
        x = found["features"]
        if self.context is not None:
            x = self.context(x)
        if self.decoder is not None:
            x = self.decoder([x, *(found[stage] for stage in self.stages)])
        return self.logits(x)


def _decoder_stages(config: ModelConfig, backbone: Any) -> list[str]:
    legal = [int(name.removeprefix("stride_")) for name, _ in backbone.decoder_units]
    strides = config.decoder_output_stride or ()
    for stride in strides:
        if stride not in legal:
            raise ConfigError(
                f"decoder_output_stride={stride}, but {config.model_variant} has "
                f"features for a decoder at {sorted(legal)}."
            )
    return [f"stride_{stride}" for stride in strides]


def _make_context_module(
    config: ModelConfig, seed: int | None
) -> keras.layers.Layer | None:
    if not config.aspp_with_batch_norm:
        return None
    common: dict[str, Any] = {"activation": config.activation, "seed": seed}
    common["decay"] = config.batch_norm_decay
    if config.genotype is not None:
        return DensePredictionCell(
            config.genotype,
            config.output_stride,
            pooling_crop_size=config.image_pooling_crop_size,
            name="meta_architecture",
            **common,
        )
    crop_size = config.image_pooling_crop_size
    return ASPP(
        config.atrous_rates or (),
        config.aspp_convs_filters,
        config.add_image_level_feature,
        config.aspp_with_separable_conv,
        config.aspp_with_concat_projection,
        crop_size and feature_map_size(crop_size, config.output_stride),
        config.image_pooling_stride,
        name="aspp",
        **common,
    )


class ScaleImages(Layer):
    """Images resized by a factor, corners aligned, in float32."""

    def __init__(self, scale: float, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.keep(locals())

    def scaled(self, sides: Any) -> tuple[Any, ...]:
        """Height and width times the factor; a side that is not known stays `None`."""
        return tuple(n if n is None else scale_dimension(n, self.scale) for n in sides)

    def call(self, x):
        """`[batch, height, width, channels]` to the scaled size."""
        if self.scale == 1:
            return x
        return resize_bilinear(x, self.scaled(ops.shape(x)[1:3]))

    def compute_output_shape(self, shape):
        """The scaled size, where the size is known."""
        return (shape[0], *self.scaled(shape[1:3]), shape[3])


class ResizeTo(ScaleImages):
    """Feature maps resized to a factor of the images' size, in float32."""

    def call(self, inputs):
        """The maps `[batch, h, w, channels]` of maps and images, resized."""
        x, images = inputs
        return resize_bilinear(x, self.scaled(ops.shape(images)[1:3]))

    def compute_output_shape(self, shapes):
        """The scaled size, where the size is known."""
        (batch, _, _, channels), images = shapes
        return (batch, *self.scaled(images[1:3]), channels)
