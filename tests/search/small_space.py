"""A space of its own for tests: two 3x3 convolutions, 8192 cells, or fewer."""

import dataclasses

from deeplab_dpc.genotypes import BACKBONE, RATES, Branch, Genotype

PAIRS = tuple((h, w) for h in RATES for w in RATES)


@dataclasses.dataclass(frozen=True)
class SmallSpace:
    """`num_rates * num_rates * 2` cells.

    Attributes:
        num_rates: How many of the 64 pairs of rates a branch may have.
    """

    num_rates: int = 64

    def choices(self):
        labels = tuple(f"{h}x{w}" for h, w in PAIRS[: self.num_rates])
        return {"rate_0": labels, "rate_1": labels, "input_1": (BACKBONE, 0)}

    def encode(self, genotype):
        first, second = genotype.branches
        return {
            "rate_0": "{}x{}".format(*first.rate),
            "rate_1": "{}x{}".format(*second.rate),
            "input_1": second.source,
        }

    def decode(self, params):
        first, second = (
            tuple(map(int, params[name].split("x"))) for name in ("rate_0", "rate_1")
        )
        return Genotype(
            (
                Branch.conv3x3(BACKBONE, first),
                Branch.conv3x3(params["input_1"], second),
            )
        )

    def key(self, genotype):
        return "{rate_0},{rate_1},{input_1}".format(**self.encode(genotype))


def score(genotype):
    """A score of a cell: larger rates are better."""
    return sum(sum(branch.rate) for branch in genotype.branches) / 84
