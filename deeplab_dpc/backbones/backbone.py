"""What the backbones share: a stem, then units in a row, and features for decoders."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import keras
from keras import ops

from deeplab_dpc.layers.base import Layer, build_chain, chain_shape
from deeplab_dpc.layers.convolution import ConvNorm


class Backbone(Layer):
    """A stem of convolutions and then units, each under its scope in checkpoints.

    A subclass makes `stem` and `units`. A unit gives its output and one more tensor,
    which decoders may read.
    """

    stem: Any  # One layer, or several in a row.
    units: list[keras.layers.Layer]
    scopes: list[str]  # Of the units, with slashes; empty where they have none.
    stem_scope = ""
    pools = False  # Whether a 3x3 max pooling of stride 2 follows the stem.
    decoder_units: tuple[tuple[str, int], ...] = (("stride_4", 1),)
    """Names and the unit whose second tensor each is."""

    def make_stem(self, *plan: tuple[str, int, int], **kwargs: Any) -> list[ConvNorm]:
        """3x3 convolutions by name, filters and stride, padded as the original's."""
        kwargs |= {"explicit_padding": True, **self.same("activation", "decay")}
        return [
            ConvNorm(filters, 3, stride=stride, name=name, **kwargs)
            for name, filters, stride in plan
        ]

    def _stem(self) -> list[keras.layers.Layer]:
        return self.stem if isinstance(self.stem, list) else [self.stem]

    def build(self, shape):
        """Builds the stem and the units under the original's scopes."""
        with _scope(self.stem_scope):
            shape = build_chain(self._stem(), shape)
        for unit, scope in zip(self.units, self.scopes, strict=True):
            with _scope(scope):
                unit.build(shape)
            shape = unit.compute_output_shape(shape)[0]

    def call(self, x, training=None):
        for layer in self._stem():
            x = layer(x, training=training)
        if self.pools:
            x = ops.max_pool(x, 3, 2, padding="same", data_format="channels_last")
        return self._walk(x, lambda unit, x: unit(x, training=training))

    def compute_output_shape(self, shape):
        shape = chain_shape(self._stem(), shape)
        if self.pools:
            shape = (shape[0], *(n and -(-n // 2) for n in shape[1:3]), shape[3])
        return self._walk(shape, lambda unit, shape: unit.compute_output_shape(shape))

    def _walk(self, x: Any, step: Any) -> dict[str, Any]:
        """The outputs by name, of tensors or of shapes, where `step` calls a unit."""
        names = {index: name for name, index in self.decoder_units}
        earlier = {}
        for i, unit in enumerate(self.units):
            x, second = step(unit, x)
            if i in names:
                earlier[names[i]] = second
        return {"features": x, **earlier}


def strides_and_rates(
    strides: Iterable[int], output_stride: int, first_stride: int = 1
) -> Iterator[tuple[int, int]]:
    """Stride and rate of each unit: strides beyond `output_stride` become rates.

    `first_stride` is that before the first unit (Chen et al., 2017, arXiv:1706.05587,
    Sec. 3.2).
    """
    current, rate = first_stride, 1
    for stride in strides:
        if current == output_stride:
            yield 1, rate
            rate *= stride
        else:
            yield stride, 1
            current *= stride


@contextlib.contextmanager
def _scope(path: str):
    """The name scopes of `path`, one inside the other."""
    with contextlib.ExitStack() as stack:
        for name in filter(None, path.split("/")):
            stack.enter_context(keras.name_scope(name))
        yield
