"""What went into and came out of every layer of a model, by TF1 scope."""

import contextlib
from unittest import mock

import keras


class Recording:
    """Inputs and outputs of each layer's first call, by its TF1 scope."""

    def __init__(self):
        self.inputs, self.outputs = {}, {}

    def keep(self, layer, args, output):
        scope = tf1_scope(layer.path or layer.name)
        if scope not in self.outputs:
            self.inputs[scope] = args[0] if args else None
            self.outputs[scope] = output


def tf1_scope(path: str) -> str:
    return (path + "/").removeprefix("aspp/").replace("/_/", "/").replace("/_", "_")[:-1]


@contextlib.contextmanager
def recording():
    """Records every layer called inside (eagerly, outer layers last)."""
    record, call = Recording(), keras.layers.Layer.__call__

    def recorded_call(layer, *args, **kwargs):
        output = call(layer, *args, **kwargs)
        record.keep(layer, args, output)
        return output

    with mock.patch.object(keras.layers.Layer, "__call__", recorded_call):
        yield record
