"""What a model costs: parameters and multiply-adds of each part.

One multiply-add is one multiplication with one addition, inside a convolution. Of the
rest (batch norm, activations, resizes, sums) nothing is counted, as is usual; what
TensorFlow 1's profiler counted beside it, and the published figures with it, is in
`cost_conventions`.
"""

import dataclasses
import math
import re
from collections.abc import Iterable
from typing import Any

import keras

from deeplab_dpc.config import ModelConfig
from deeplab_dpc.model import build_model
from deeplab_dpc.tf1 import variables_by_tf1_name

KERNELS = ("weights", "depthwise_weights")


@dataclasses.dataclass(frozen=True)
class Convolution:
    """One convolution of one forward pass.

    Attributes:
        name: TF1 name of its kernel.
        kernel_shape: `(rows, columns, in, out)`, or `(rows, columns, channels, 1)` of a
            depthwise one.
        output_size: `(height, width)` of its output, in pixels.
        rate: `(rows, columns)` of its dilation.
    """

    name: str
    kernel_shape: tuple[int, ...]
    output_size: tuple[int, int]
    rate: tuple[int, int]

    @property
    def is_depthwise(self) -> bool:
        """Whether each channel is convolved on its own."""
        return self.name.endswith("/depthwise_weights")

    @property
    def multiply_adds(self) -> int:
        """One for each value of the kernel and pixel of the output, borders too."""
        return math.prod(self.kernel_shape) * math.prod(self.output_size)

    @property
    def padded_multiply_adds(self) -> int:
        """The same where TensorFlow 1 works on sides that are multiples of the rate: it
        ran a dilated convolution by moving space to batch, which pads the sides.
        """
        sides = zip(self.output_size, self.rate, strict=True)
        padded = (math.ceil(side / rate) * rate for side, rate in sides)
        return math.prod(self.kernel_shape) * math.prod(padded)


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of a model and its own parts.

    Attributes:
        name: As in the checkpoints.
        kernels: Values of its convolutions' kernels.
        parameters: Values that are trained: kernels, biases, batch norms' two.
        values: All values of a checkpoint, moving averages included.
        multiply_adds: Of one image.
        parts: What it consists of.
    """

    name: str
    kernels: int
    parameters: int
    values: int
    multiply_adds: int
    parts: tuple["Part", ...] = ()

    def part(self, path: str) -> "Part":
        """The part with this path below this one, such as
        `meta_architecture/branch0`.
        """
        found = self
        for name in path.split("/"):
            by_name = {part.name: part for part in found.parts}
            if name not in by_name:
                raise KeyError(f"{found.name} has {list(by_name)}, but no {name!r}.")
            found = by_name[name]
        return found


@dataclasses.dataclass(frozen=True)
class Costs:
    """The costs of one model on one image.

    Attributes:
        config: The model.
        image_size: `(height, width)` of the image in pixels.
        convolutions: In the order of the forward pass; with an image pyramid those of
            each scale.
        sizes: Values of each variable, by TF1 name.
        shortcut_values: Values of all sums of a shortcut.
        pooled_values: Values that all pooling windows read.
    """

    config: ModelConfig
    image_size: tuple[int, int]
    convolutions: tuple[Convolution, ...]
    sizes: dict[str, int] = dataclasses.field(hash=False)
    shortcut_values: int
    pooled_values: int

    def tree(self) -> Part:
        """The model as a tree of parts, down to single convolutions."""
        paths = {name: part_path(name) for name in self.sizes}
        return self._part("model", list(self.sizes), paths, 0)

    def _part(self, name: str, names: list[str], paths: dict, depth: int) -> Part:
        below: dict[str, list[str]] = {}
        for variable in names:
            if len(paths[variable]) > depth:
                below.setdefault(paths[variable][depth], []).append(variable)
        inside = set(names)
        return Part(
            name,
            sum(self.sizes[n] for n in names if n.split("/")[-1] in KERNELS),
            sum(self.sizes[n] for n in names if "/moving_" not in n),
            sum(self.sizes[n] for n in names),
            sum(c.multiply_adds for c in self.convolutions if c.name in inside),
            tuple(self._part(k, v, paths, depth + 1) for k, v in below.items()),
        )


def part_path(name: str) -> tuple[str, ...]:
    """The parts that a variable belongs to, from large to small. ASPP has no scope in
    checkpoints, so its branches are put under `aspp`; the two halves of a separable
    convolution are parts of one.
    """
    scopes = _scope(name).split("/")
    if re.match(r"aspp\d+|image_pooling|concat_projection", name):
        scopes.insert(0, "aspp")
    half = re.fullmatch(r"(.+)_(depthwise|pointwise)", scopes[-1])
    return (*scopes[:-1], *half.groups()) if half else tuple(scopes)


def _scope(name: str) -> str:
    """The convolution that a variable belongs to."""
    return name.rpartition("/")[0].removesuffix("/BatchNorm")


def measure(config: ModelConfig, image_size: tuple[int, int]) -> Costs:
    """The costs of a model on one image, from its layers as they are called.

    Args:
        config: The model; it is built for this and traced, not run.
        image_size: `(height, width)` in pixels.

    >>> tree = measure(ModelConfig(), (65, 65)).tree()
    >>> tree.part("logits").kernels, tree.part("logits").multiply_adds
    (5376, 134400)
    """
    import tensorflow as tf

    model = build_model(dataclasses.replace(config, crop_size=None))
    calls: list[tuple[keras.layers.Layer, Any, Any]] = []
    for layer in model._flatten_layers(include_self=False):
        layer.call = _recorded(layer, calls)
    images = tf.TensorSpec((1, *image_size, 3), tf.float32)
    tf.function(lambda x: model(x, training=False)).get_concrete_function(images)
    variables = variables_by_tf1_name(model)
    names = {id(v): name for name, v in variables.items()}
    convolutions = tuple(_convolutions(calls, names))
    order = {_scope(c.name): i for i, c in reversed([*enumerate(convolutions)])}
    return Costs(
        config,
        image_size,
        convolutions,
        {
            name: math.prod(variables[name].shape)
            for name in sorted(variables, key=lambda name: order[_scope(name)])
        },
        sum(_shortcut_values(layer, out) for layer, _, out in calls),
        sum(_pooled_values(layer, x) for layer, x, _ in calls),
    )


def _recorded(layer: keras.layers.Layer, calls: list) -> Any:
    """The layer's `call`, noting each time what goes in and comes out."""
    call = layer.call

    def noted(x: Any, *args: Any, **kwargs: Any) -> Any:
        y = call(x, *args, **kwargs)
        calls.append((layer, x, y))
        return y

    return noted


def _convolutions(calls: Iterable[Any], names: dict[int, str]) -> Iterable[Convolution]:
    for layer, _, out in calls:
        kernel = getattr(layer, "kernel", None)
        if kernel is not None:
            rate = layer.rate if isinstance(layer.rate, tuple) else (layer.rate,) * 2
            size = (int(out.shape[1]), int(out.shape[2]))
            yield Convolution(names[id(kernel)], tuple(kernel.shape), size, rate)


def _pooled_values(layer: keras.layers.Layer, x: Any) -> int:
    """Windows times values of a window; the windows slide by the layer's stride."""
    if not hasattr(layer, "grid_size"):
        return 0
    count = math.prod(x.shape[3:])
    stride = layer.stride
    for side, wanted, cells, step in zip(
        x.shape[1:3], layer.map_size or x.shape[1:3], layer.grid_size, stride
    ):
        window = min((wanted - 1) // cells + 1, side)
        count *= window * ((side - window) // step + 1)
    return count


def _shortcut_values(layer: keras.layers.Layer, out: Any) -> int:
    """Values of the sum with a shortcut in which a backbone's unit ends, if it does."""
    skips = getattr(layer, "skip", "none") != "none"
    sums = skips or getattr(layer, "has_shortcut", False)
    return math.prod(out[0].shape) if sums else 0
