"""Batch norms folded into the kernels before them, where a model only predicts."""

from typing import Any, Self

import keras
import numpy as np

from deeplab_dpc.layers.convolution import ConvNorm, DepthwiseConvNorm


class Folded:
    """A model that only predicts: each batch norm is part of the kernel before it.

    Folding is in place, in float64: kernels are multiplied by gamma / sqrt(variance +
    epsilon), and of the norm beta remains, beside a gamma of 1, a mean of 0 and a
    variance of 1 - epsilon. So the model itself computes what it did before, to
    rounding, and may be given other weights; do not train it. Called through this
    object, after `fold`, a norm is a mere addition.

    >>> images = keras.ops.ones((1, 5, 7, 3))
    >>> model = keras.Sequential([keras.Input((5, 7, 3)), ConvNorm(8)])
    >>> before, folded = model(images), Folded(model).fold()
    >>> bool(abs(folded(images) - before).numpy().max() < 1e-6)
    True
    """

    def __init__(self, model: keras.Model):
        self._model = model
        kinds = ConvNorm, DepthwiseConvNorm
        self._layers = [x for x in model._flatten_layers() if isinstance(x, kinds)]

    def fold(self) -> Self:
        """Folds the weights that the model has now, if it is not done; gives itself."""
        if self._layers and not _is_folded(self._layers[-1]):
            for layer in self._layers:
                _fold(layer)
        return self

    def __call__(self, images: Any, training: bool = False) -> Any:
        """What the model makes of images at inference."""
        try:
            for layer in self._layers:
                layer.norm.is_folded = True
            return self._model(images, training=False)
        finally:
            for layer in self._layers:
                layer.norm.is_folded = False

    def __getattr__(self, name: str) -> Any:
        """The model's own, such as its shapes and variables."""
        return getattr(self._model, name)


def _is_folded(layer: Any) -> bool:
    """Whether `_fold` was the last to change the layer's variance."""
    variance = keras.ops.convert_to_numpy(layer.norm.moving_variance)
    return bool(np.all(variance == np.float32(1 - layer.norm.epsilon)))


def _fold(layer: Any) -> None:
    norm = layer.norm
    kernel, gamma, beta, mean, variance = (
        keras.ops.convert_to_numpy(variable).astype("float64")
        for variable in (layer.kernel, *norm.weights)
    )
    factor = gamma / np.sqrt(variance + norm.epsilon)
    is_depthwise = isinstance(layer, DepthwiseConvNorm)
    layer.kernel.assign(kernel * (factor[:, np.newaxis] if is_depthwise else factor))
    norm.beta.assign(beta - mean * factor)
    norm.gamma.assign(np.ones_like(beta))
    norm.moving_mean.assign(np.zeros_like(beta))
    norm.moving_variance.assign(np.full_like(beta, 1 - norm.epsilon))
