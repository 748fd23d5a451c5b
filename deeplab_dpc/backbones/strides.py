"""Where a backbone stops striding and starts dilating."""

from collections.abc import Iterable, Iterator


def strides_and_rates(
    strides: Iterable[int], output_stride: int, first_stride: int = 1
) -> Iterator[tuple[int, int]]:
    """Turns strides beyond `output_stride` into rates of what follows.

    Chen et al., 2017, arXiv:1706.05587, Sec. 3.2.

    Args:
        strides: Of the units, in order.
        output_stride: The largest stride of the features.
        first_stride: The stride before the first unit.

    Yields:
        `(stride, rate)` for each unit.
    """
    current, rate = first_stride, 1
    for stride in strides:
        if current == output_stride:
            yield 1, rate
            rate *= stride
        else:
            yield stride, 1
            current *= stride
