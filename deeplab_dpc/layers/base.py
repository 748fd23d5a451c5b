"""What our layers share: their config, their shape, and chains of them."""

import inspect
from collections.abc import Iterable
from typing import Any

import keras


class Layer(keras.layers.Layer):
    """A layer that keeps each argument of its constructor under the argument's name."""

    def get_config(self):
        """The constructor's arguments."""
        names: list[str] = []
        for kind in type(self).__mro__[: type(self).__mro__.index(Layer)]:
            if make := vars(kind).get("__init__"):
                _, *parameters = inspect.signature(make).parameters.values()
                names += [p.name for p in parameters if p.kind is not p.VAR_KEYWORD]
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    def compute_output_shape(self, shape):
        """The input's height and width, with `filters` channels."""
        return (*shape[:-1], self.filters)

    def same(self, *names: str) -> dict[str, Any]:
        """Arguments of a layer inside that are as here: `names`, and the policy."""
        return {
            "dtype": self.dtype_policy,
            **{name: getattr(self, name) for name in names},
        }


def build_chain(layers: Iterable[keras.layers.Layer], shape: Any) -> Any:
    """Builds layers that follow each other; returns the last one's output shape."""
    for layer in layers:
        layer.build(shape)
        shape = layer.compute_output_shape(shape)
    return shape


def chain_shape(layers: Iterable[keras.layers.Layer], shape: Any) -> Any:
    """The shape after layers that follow each other."""
    for layer in layers:
        shape = layer.compute_output_shape(shape)
    return shape
