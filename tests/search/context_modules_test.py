import numpy as np
import pytest

from deeplab_dpc import Branch, Genotype, ModelConfig
from deeplab_dpc.costs import measure
from deeplab_dpc.genotypes import BACKBONE, DPC_TOP1
from deeplab_dpc.search.context_modules import branch_norms, module_costs
from deeplab_dpc.testing.samplers import PAPER

DRAWN = PAPER.sample(np.random.default_rng(5))
GRIDS = enumerate([(1, 1), (1, 2), (2, 8), (4, 4)], start=BACKBONE)
POOLINGS = Genotype(tuple(Branch.pyramid_pooling(i, grid) for i, grid in GRIDS))


@pytest.mark.parametrize("channels, millions", [(2048, 0.81), (320, 0.36)])
def test_the_papers_table_1(channels, millions):
    """Its count leaves out the batch norms and the projection."""
    parameters, _ = module_costs(DPC_TOP1, channels, (65, 129))
    norms = 2 * (channels + 9 * 256)
    projection = 5 * 256 * 256 + 2 * 256
    assert round((parameters - norms - projection) / 1e6, 2) == millions


@pytest.mark.parametrize("genotype", [DPC_TOP1, DRAWN, POOLINGS])
@pytest.mark.parametrize(
    "settings, image_size, size, map_size",
    [
        ({}, (65, 97), (5, 7), None),
        ({"output_stride": 8}, (65, 97), (9, 13), None),
        ({"image_pooling_crop_size": (33, 129)}, (65, 97), (5, 7), (3, 9)),
    ],
)
def test_the_arithmetic_is_the_models(genotype, settings, image_size, size, map_size):
    """A quarter of MobileNet-v2 has 80 channels at the end."""
    config = ModelConfig(depth_multiplier=0.25, genotype=genotype, **settings)
    part = measure(config, image_size).tree().part("meta_architecture")
    found = module_costs(genotype, 80, size, map_size=map_size)
    assert found == (part.parameters, part.multiply_adds)


def test_fewer_filters_cost_less():
    """One 1x1 branch of 3 channels, 2 filters, 4x5: 6 + 4 and 4 + 4 values."""
    cell = Genotype((Branch.conv1x1(BACKBONE),))
    assert module_costs(cell, 3, (4, 5), filters=2) == (18, 20 * 6 + 20 * 4)


def test_the_norms_of_branches_are_sums_of_absolute_weights():
    kernel = np.zeros((1, 1, 4, 2))
    kernel[0, 0] = [[1, -2], [0, 0], [3, 4], [-5, 6]]
    assert branch_norms(kernel, 2) == (3.0, 18.0)
