"""What the proxy and whole training both say of a context module."""

import numpy as np

ASPP_RATES = (6, 12, 18)  # At output stride 16, as the original's Cityscapes models.


def aspp_rates(output_stride: int) -> tuple[int, ...]:
    """The rates of the ASPP that cells are compared with, in pixels of its features."""
    return tuple(rate * 16 // output_stride for rate in ASPP_RATES)


def branch_norms(kernel: np.ndarray, num_branches: int) -> tuple[float, ...]:
    """L1 norm of the 1x1 weights that join each branch to the output (Figure 5b).

    Args:
        kernel: `[1, 1, branches * filters, filters]` of the cell's projection.
        num_branches: How many branches it joins, in order.
    """
    parts = np.split(np.abs(kernel), num_branches, axis=2)
    return tuple(float(part.sum(dtype=np.float64)) for part in parts)
