"""How others count costs: TensorFlow 1's profiler, the model zoo, the paper's Table 1.

The zoo's figures are half of what TensorFlow 1's profiler calls float operations; that
counts more than the convolutions, even the graph's initialisers and L2 losses.
"""

import math
import re
from collections.abc import Sequence

from deeplab_dpc.costs import Convolution, Costs


def zoo_countings(costs: Costs) -> dict[str, float]:
    """Multiply-adds of a whole model in four ways of counting."""
    plain = sum(c.multiply_adds for c in costs.convolutions)
    padded = sum(c.padded_multiply_adds for c in costs.convolutions)
    others = _profiler_operations(costs)
    profiler = padded + sum(others.values()) / 2
    return {
        "convolutions": plain,
        "padded": padded,
        "profiler": profiler,
        "no pooling": profiler - others["pooling"] / 2,
    }


def _profiler_operations(costs: Costs) -> dict[str, int]:
    """What TF1's profiler counts beside convolutions, in float operations. Softmax is
    left out: the models of the zoo had none when they were measured.
    """
    sizes, classes = costs.sizes, costs.config.num_classes
    kernels = {n: s for n, s in sizes.items() if n.endswith("weights")}
    decayed = sum(s for n, s in kernels.items() if not n.endswith("depthwise_weights"))
    pixels = math.prod(costs.image_size)
    last = costs.convolutions[-1].output_size
    return {
        "shortcuts": costs.shortcut_values,
        "biases": math.prod(last) * classes,
        "scaling of the image": 2 * 3 * pixels,
        "pooling": costs.pooled_values,
        "argmax": pixels * (classes - 1),
        "initialisers": 2 * sum(kernels.values()),
        "L2": 3 * decayed,
    }


def context_countings(costs: Costs) -> dict[str, float]:
    """Multiply-adds of the context module, its projection left out, in three ways."""
    module = context_convolutions(costs)
    plain = sum(c.multiply_adds for c in module)
    outputs = sum(
        math.prod(c.output_size) * c.kernel_shape[-1]
        for c in module
        if not c.is_depthwise and c.output_size != (1, 1)
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
