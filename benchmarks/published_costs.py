"""The published costs, and what we count for the same models.

python benchmarks/published_costs.py

Sources: Chen et al., 2018, arXiv:1809.04184, Table 1, and the original's model zoo.
"""

import dataclasses
import math
import os
import sys
from collections.abc import Iterable, Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Before TensorFlow is imported.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from deeplab_dpc.config import ModelConfig  # noqa: E402
from deeplab_dpc.costs import (  # noqa: E402
    context_convolutions,
    context_countings,
    kernels_as_printed,
    measure,
    zoo_countings,
)
from deeplab_dpc.genotypes import DPC_TOP1  # noqa: E402

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


if __name__ == "__main__":
    print("\n".join(report()))
