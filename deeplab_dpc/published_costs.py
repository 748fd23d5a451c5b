"""The published costs, and what we count for the same models.

Sources: Chen et al., 2018, arXiv:1809.04184, Table 1, and the original's model zoo. The
zoo's figures are half of what TensorFlow 1's profiler calls float operations; that
counts more than the convolutions, even the graph's initialisers and L2 losses.
"""

import dataclasses
import math
import re
from collections.abc import Iterable, Sequence

from deeplab_dpc.config import ModelConfig
from deeplab_dpc.costs import Convolution, Costs, measure
from deeplab_dpc.genotypes import DPC_TOP1

CITYSCAPES, VOC = (1025, 2049), (513, 513)
RATES = (6, 12, 18)


@dataclasses.dataclass(frozen=True)
class Published:
    """A published figure and the model that it is of.

    Attributes:
        name: Of the model.
        config: The model.
        image_size: `(height, width)` in pixels.
        billions: Published multiply-adds in billions, with two digits behind the point.
        kernels: Published parameters of the context module, in millions (Table 1).
    """

    name: str
    config: ModelConfig
    image_size: tuple[int, int]
    billions: float
    kernels: float | None = None


def _xception(variant: str, **settings) -> ModelConfig:
    return ModelConfig(model_variant=variant, decoder_output_stride=(4,), **settings)


ZOO = (
    Published(
        "xception71_dpc_cityscapes",
        _xception("xception_71", num_classes=19, genotype=DPC_TOP1),
        CITYSCAPES,
        502.07,
    ),
    Published(
        "xception65_cityscapes",
        _xception("xception_65", num_classes=19, atrous_rates=RATES),
        CITYSCAPES,
        418.64,
    ),
    Published(
        "xception65_voc", _xception("xception_65", atrous_rates=RATES), VOC, 54.17
    ),
    Published("mobilenetv2_cityscapes", ModelConfig(num_classes=19), CITYSCAPES, 21.27),
    Published("mobilenetv2_voc", ModelConfig(), VOC, 2.75),
    Published("mobilenetv2_dm05_voc", ModelConfig(depth_multiplier=0.5), VOC, 0.88),
)
TABLE_1 = (
    Published(
        "MobileNet-v2 + ASPP", ModelConfig(atrous_rates=RATES), CITYSCAPES, 2.82, 0.25
    ),
    Published(
        "MobileNet-v2 + DPC", ModelConfig(genotype=DPC_TOP1), CITYSCAPES, 3.00, 0.36
    ),
    Published(
        "Xception + ASPP",
        ModelConfig(model_variant="xception_71", atrous_rates=RATES),
        CITYSCAPES,
        18.12,
        1.59,
    ),
    Published(
        "Xception + DPC",
        ModelConfig(model_variant="xception_71", genotype=DPC_TOP1),
        CITYSCAPES,
        6.84,
        0.81,
    ),
)


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
    """What TF1's profiler counts beside convolutions, in float operations.

    Softmax is left out: the models of the zoo had none when they were measured.
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


def report() -> list[str]:
    """Both tables, in Markdown, for a page."""
    return [*zoo_table(), "", *table_1()]


def zoo_table() -> list[str]:
    """The model zoo's multiply-adds beside ours, in billions."""
    rows: list[list[str]] = []
    for published in ZOO:
        counts = zoo_countings(measure(published.config, published.image_size))
        size = "{}x{}".format(*published.image_size)
        rows.append([published.name, size, f"{published.billions:.2f}"])
        rows[-1] += [_beside(n, published.billions) for n in counts.values()]
    head = ["model", "image", "published", *counts]
    return _markdown(head, rows)


def table_1() -> list[str]:
    """The paper's Table 1 beside ours: kernels, and multiply-adds in billions."""
    rows: list[list[str]] = []
    for published in TABLE_1:
        costs = measure(published.config, published.image_size)
        module = context_convolutions(costs)
        kernels = sum(math.prod(c.kernel_shape) for c in module)
        counts = context_countings(costs)
        rows.append([published.name, f"{published.kernels:.2f} M", f"{kernels:,}"])
        rows[-1] += [f"{kernels_as_printed(module):,}", f"{published.billions:.2f}"]
        rows[-1] += [_beside(n, published.billions) for n in counts.values()]
    head = [
        "module",
        "parameters",
        "ours",
        "with one 3x3 branch of ASPP",
        "published",
        *counts,
    ]
    return _markdown(head, rows)


def _beside(count: float, published: float) -> str:
    billions = count / 1e9
    return f"{billions:.4f} ({billions - published:+.4f})"


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]
