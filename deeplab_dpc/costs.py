"""What a model costs: parameters and multiply-adds of each part.

One multiply-add is one multiplication with one addition, inside a convolution. Of the
rest (batch norm, activations, resizes, sums) nothing is counted, as is usual. The
countings at the end are those of others: the model zoo's figures are half of what
TensorFlow 1's profiler calls float operations, and that counts more than convolutions,
even the graph's initialisers and L2 losses.
"""

import dataclasses
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import keras

from deeplab_dpc.config import ModelConfig
from deeplab_dpc.model import build_model
from deeplab_dpc.tf1 import variables_by_tf1_name

KERNELS = ("weights", "depthwise_weights")


@dataclasses.dataclass(frozen=True)
class Convolution:
    """One convolution of one forward pass."""

    name: str  # TF1 name of its kernel.
    kernel_shape: tuple[int, ...]  # (rows, columns, in, out); depthwise: out is 1.
    output_size: tuple[int, int]
    rate: tuple[int, int]

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
    """A part of a model and its own parts."""

    name: str  # As in the checkpoints.
    kernels: int  # Values of its convolutions' kernels.
    parameters: int  # Values that are trained: kernels, biases, batch norms' two.
    values: int  # All values of a checkpoint, moving averages included.
    multiply_adds: int  # Of one image.
    parts: tuple["Part", ...] = ()

    def part(self, path: str) -> "Part":
        """The part below this one with a path such as `meta_architecture/branch0`."""
        name, _, rest = path.partition("/")
        by_name = {part.name: part for part in self.parts}
        if name not in by_name:
            raise KeyError(f"{self.name} has {list(by_name)}, but no {name!r}.")
        return by_name[name].part(rest) if rest else by_name[name]


@dataclasses.dataclass(frozen=True)
class Costs:
    """The costs of one model on one image of `(height, width)` pixels.

    Convolutions are in the order of the forward pass, with an image pyramid those of
    each scale.
    """

    config: ModelConfig
    image_size: tuple[int, int]
    convolutions: tuple[Convolution, ...]
    sizes: dict[str, int] = dataclasses.field(hash=False)  # By TF1 name.
    shortcut_values: int  # Values of all sums of a shortcut.
    pooled_values: int  # Values that all pooling windows read.

    def tree(self) -> Part:
        """The model as a tree of parts, down to single convolutions."""
        return self._part("model", {name: part_path(name) for name in self.sizes})

    def _part(self, name: str, paths: dict[str, tuple[str, ...]]) -> Part:
        """The part of these variables, each with its path from here on."""
        below: dict[str, dict[str, tuple[str, ...]]] = {}
        for variable, (first, *rest) in ((v, p) for v, p in paths.items() if p):
            below.setdefault(first, {})[variable] = tuple(rest)
        return Part(
            name,
            sum(self.sizes[n] for n in paths if n.split("/")[-1] in KERNELS),
            sum(self.sizes[n] for n in paths if "/moving_" not in n),
            sum(self.sizes[n] for n in paths),
            sum(c.multiply_adds for c in self.convolutions if c.name in paths),
            tuple(self._part(*inner) for inner in below.items()),
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
    """The costs of a model on an image of `(height, width)` pixels, from one trace.

    >>> tree = measure(ModelConfig(), (65, 65)).tree()
    >>> tree.part("logits").kernels, tree.part("logits").multiply_adds
    (5376, 134400)
    """
    import tensorflow as tf

    model = build_model(dataclasses.replace(config, crop_size=None))
    calls: list[tuple[keras.layers.Layer, Any, Any]] = []  # Input and output, too.
    for layer in model._flatten_layers(include_self=False):
        layer.call = _recorded(layer, calls)
    images = tf.TensorSpec((1, *image_size, 3), tf.float32)
    tf.function(lambda x: model(x, training=False)).get_concrete_function(images)
    variables = variables_by_tf1_name(model)
    names = {id(v): name for name, v in variables.items()}
    convolutions = tuple(_convolutions(calls, names))
    order = {_scope(c.name): i for i, c in reversed([*enumerate(convolutions)])}
    sizes = {name: math.prod(v.shape) for name, v in variables.items()}
    return Costs(
        config,
        image_size,
        convolutions,
        dict(sorted(sizes.items(), key=lambda item: order[_scope(item[0])])),
        sum(math.prod(y[0].shape) for layer, _, y in calls if _ends_in_a_sum(layer)),
        sum(_pooled_values(layer, x) for layer, x, _ in calls),
    )


def _recorded(layer: keras.layers.Layer, calls: list) -> Any:
    """The layer's `call`, noting each time what goes in and comes out."""
    call = layer.call

    def noted(x: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append((layer, x, y := call(x, *args, **kwargs)))
        return y

    return noted


def _convolutions(calls: Iterable[Any], names: dict[int, str]) -> Iterable[Convolution]:
    for layer, _, out in calls:
        if (kernel := getattr(layer, "kernel", None)) is not None:
            rate = layer.rate if isinstance(layer.rate, tuple) else (layer.rate,) * 2
            size = (int(out.shape[1]), int(out.shape[2]))
            yield Convolution(names[id(kernel)], tuple(kernel.shape), size, rate)


def _pooled_values(layer: keras.layers.Layer, x: Any) -> int:
    """Windows times values of a window; the windows slide by the layer's stride."""
    if not hasattr(layer, "grid_size"):
        return 0
    count, size = math.prod(x.shape[3:]), x.shape[1:3]
    sides = zip(size, layer.map_size or size, layer.grid_size, layer.stride)
    for side, wanted, cells, step in sides:
        window = min((wanted - 1) // cells + 1, side)
        count *= window * ((side - window) // step + 1)
    return count


def _ends_in_a_sum(layer: keras.layers.Layer) -> bool:
    """Whether it is a backbone's unit with a shortcut."""
    skips = getattr(layer, "skip", "none") != "none"
    return skips or getattr(layer, "has_shortcut", False)


def zoo_countings(costs: Costs) -> dict[str, float]:
    """Multiply-adds of a whole model in four ways of counting."""
    padded = sum(c.padded_multiply_adds for c in costs.convolutions)
    profiler = padded + _profiler_operations(costs) / 2
    return {
        "convolutions": sum(c.multiply_adds for c in costs.convolutions),
        "padded": padded,
        "profiler": profiler,
        "no pooling": profiler - costs.pooled_values / 2,
    }


def _profiler_operations(costs: Costs) -> int:
    """What TF1's profiler counts beside convolutions, in float operations.

    Softmax is left out: the models of the zoo had none when they were measured.
    """
    kernels = {n: s for n, s in costs.sizes.items() if n.endswith("weights")}
    decayed = sum(s for n, s in kernels.items() if not n.endswith("depthwise_weights"))
    pixels, classes = math.prod(costs.image_size), costs.config.num_classes
    initialisers, l2 = 2 * sum(kernels.values()), 3 * decayed
    biases = math.prod(costs.convolutions[-1].output_size) * classes
    scaling_of_the_image, argmax = 2 * 3 * pixels, pixels * (classes - 1)
    sums = costs.shortcut_values + biases + scaling_of_the_image + costs.pooled_values
    return sums + argmax + initialisers + l2


def context_countings(costs: Costs) -> dict[str, float]:
    """Multiply-adds of the context module, its projection left out, in three ways."""
    module = context_convolutions(costs)
    plain = sum(c.multiply_adds for c in module)
    outputs = sum(
        math.prod(c.output_size) * c.kernel_shape[-1]
        for c in module
        if not c.name.endswith("/depthwise_weights") and c.output_size != (1, 1)
    )
    padded = sum(c.padded_multiply_adds for c in module)
    return {
        "convolutions": plain,
        "one add": plain + outputs,
        "profiler": padded + outputs / 2 + costs.pooled_values / 2,
    }


def context_convolutions(costs: Costs) -> tuple[Convolution, ...]:
    """The convolutions of the cell's, or ASPP's, branches."""
    scopes = ("meta_architecture/", "aspp", "image_pooling/")
    return tuple(
        c
        for c in costs.convolutions
        if c.name.startswith(scopes) and "concat_projection" not in c.name
    )


def kernels_as_printed(module: Sequence[Convolution]) -> int:
    """Values of the kernels as the paper counted them: ASPP's 3x3 branches as one."""
    kernels = {
        re.sub(r"^aspp[1-9]\d*", "aspp", c.name): math.prod(c.kernel_shape)
        for c in module
    }
    return sum(kernels.values())
