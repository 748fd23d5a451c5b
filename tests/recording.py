"""What went into and came out of every layer of a model, by TF1 scope."""

import collections
import contextlib
from unittest import mock

import keras


class Recording:
    """Inputs and outputs of each layer's calls, by its TF1 scope."""

    def __init__(self):
        self.calls = collections.defaultdict(list)

    def keep(self, layer, args, output):
        scope = tf1_scope(layer.path or layer.name)
        self.calls[scope].append((args[0] if args else None, output))

    def input(self, scope: str):
        return self.calls[scope][self._first(scope)][0]

    def output(self, scope: str):
        return self.calls[scope][self._first(scope)][1]

    def _first(self, scope: str) -> int:
        """Which call is the first scale's: the smallest one, if there is a pyramid.

        Every layer sees the scales in one order, so the backbone's stem tells.
        """
        calls = self.calls[scope]
        if len(calls) == 1:
            return 0
        stem = self.calls["MobilenetV2/Conv"]
        assert len(calls) == len(stem), scope
        return min(range(len(stem)), key=lambda i: stem[i][1].shape[1])


def tf1_scope(path: str) -> str:
    """As `tf1_name`; the convolution inside a pooling `x` is `x_` (the pooling is `x`)."""
    return path.removeprefix("aspp/").replace("/_", "_")


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
