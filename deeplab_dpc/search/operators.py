"""What a branch does to its input, what is near it, and names for whole cells."""

from collections.abc import Sequence
from typing import NamedTuple, Self

from deeplab_dpc.genotypes import BACKBONE, Branch, Genotype


class Operator(NamedTuple):
    """What a branch does to its input."""

    op: str  # As `Branch.op`.
    # The rate or the grid along height and width; `()` of a 1x1 convolution.
    pair: tuple[int, ...] = ()

    @classmethod
    def of(cls, branch: Branch) -> Self:
        """The operator of a branch."""
        return cls(branch.op, branch.rate or branch.grid_size or ())

    @property
    def label(self) -> str:
        """`1x1`; `r6x21`, a 3x3 convolution of that rate; `g2x4`, a pooling grid."""
        if not self.pair:
            return "1x1"
        height, width = self.pair
        return f"{'r' if self.op == 'conv3x3' else 'g'}{height}x{width}"

    def branch(self, source: int) -> Branch:
        """The branch that applies it to `source`."""
        if not self.pair:
            return Branch.conv1x1(source)
        height, width = self.pair
        make = Branch.conv3x3 if self.op == "conv3x3" else Branch.pyramid_pooling
        return make(source, (height, width))


def near_operators(
    operator: Operator, operators: Sequence[Operator]
) -> list[list[list[Operator]]]:
    """The operators that are one step away from one of them.

    By field of the operator that can change (height and width of its rate or grid, its
    kind), then in groups that are equally probable: the other kinds have a group each.
    """
    kinds = {o.op: [p for p in operators if p.op == o.op] for o in operators}
    fields = []
    for other in range(len(operator.pair))[::-1]:  # What stays: the width, the height.
        same = operator.pair[other]
        line = sorted(o for o in kinds[operator.op] if o.pair[other] == same)
        place = line.index(operator)
        fields.append([line[max(place - 1, 0) : place] + line[place + 1 : place + 2]])
    fields.append([group for op, group in kinds.items() if op != operator.op])
    return [groups for groups in fields if groups and groups[0]]


def cell_key(genotype: Genotype) -> str:
    """What cells that are equal up to the order of their branches share.

    A cell is a tree: the backbone is its root, and a branch hangs below its input.
    Each branch is written as its operator and, in brackets, what hangs below it,
    sorted: the paper's cell is `r1x6(r18x15(r6x3),r1x1,r6x21)`. The key is the same
    in every process. Two keys are two cells that train differently, also where one
    could compute the other: a pooling of an image-level pooling normalises over other
    positions than a 1x1 convolution of it does, and costs less.

    >>> from deeplab_dpc.genotypes import DPC_TOP1
    >>> cell_key(DPC_TOP1)
    'r1x6(r18x15(r6x3),r1x1,r6x21)'
    """
    labels = [Operator.of(branch).label for branch in genotype.branches]
    return tree_key(labels, [branch.source for branch in genotype.branches])


def tree_key(labels: Sequence[str], sources: Sequence[int]) -> str:
    """`cell_key` of the branches' operator labels and inputs."""
    below: list[list[str]] = [[] for _ in range(len(labels) + 1)]
    for i in reversed(range(len(labels))):
        hanging = f"({','.join(sorted(below[i]))})" if below[i] else ""
        below[sources[i]].append(labels[i] + hanging)
    return ",".join(sorted(below[BACKBONE]))
