import collections

import numpy as np
import pytest

from deeplab_dpc.genotypes import BACKBONE
from deeplab_dpc.search import space


def test_the_papers_space_has_about_4e11_cells():
    assert space.NUM_OPERATORS == 81
    assert space.size(5) == 120 * 81**5
    assert f"{space.size(5):.1e}" == "4.2e+11"


def test_every_operator_comes_as_often():
    """Each count is Binomial(40,500, 1/81): mean 500, std 22; 7 std: 1 run in 5e9."""
    rng = np.random.default_rng(0)
    counts = collections.Counter(
        space.sample(1, rng).branches[0] for _ in range(40_500)
    )
    assert len(counts) == 81
    assert max(abs(n - 500) for n in counts.values()) < 156


@pytest.mark.parametrize("branch", [0, 1, 4])
def test_every_input_comes_as_often(branch):
    """Binomial(6,000, 1/(i+1)) has std of at most 39; 6 std: 1 run in 1e8."""
    rng = np.random.default_rng(1)
    counts = collections.Counter(
        space.sample(5, rng).branches[branch].source for _ in range(6_000)
    )
    assert set(counts) == set(range(BACKBONE, branch))
    assert max(abs(n - 6_000 / (branch + 1)) for n in counts.values()) < 234


def test_the_same_seed_draws_the_same_cells():
    cells = [space.sample(5, np.random.default_rng(7)) for _ in range(2)]
    assert cells[0] == cells[1]
