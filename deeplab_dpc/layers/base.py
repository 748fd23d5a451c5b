"""What our layers share: their config, their shape, and chains of them."""

from collections.abc import Iterable
from typing import Any

import keras


class Layer(keras.layers.Layer):
    """A layer that keeps each argument of its constructor under the argument's name.

    Keras files know a subclass as `deeplab_dpc>` and its name.
    """

    _kept: tuple[str, ...] = ()

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        keras.saving.register_keras_serializable("deeplab_dpc")(cls)

    def keep(self, arguments: dict[str, Any]) -> None:
        """Keeps a constructor's `locals()`; lists, as JSON gives them, as tuples."""
        names = [n for n in arguments if n not in ("self", "kwargs", "__class__")]
        self._kept = (*self._kept, *names)
        for name in names:
            value = arguments[name]
            setattr(self, name, tuple(value) if isinstance(value, list) else value)

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), **{n: getattr(self, n) for n in self._kept}}

    def compute_output_shape(self, shape):
        """The input's height and width, with `filters` channels."""
        return (*shape[:-1], self.filters)

    def same(self, *names: str) -> dict[str, Any]:
        """Arguments of a layer inside that are as here: `names`, and the policy."""
        inside = {name: getattr(self, name) for name in names}
        return {"dtype": self.dtype_policy, **inside}


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
