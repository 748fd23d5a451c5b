"""Branches and cells in words, long and short."""

from deeplab_dpc.genotypes import BACKBONE, Branch, Genotype
from deeplab_dpc.search.space import Operator


def branch_name(branch: Branch) -> str:
    """The operator of a branch: `3×3 conv, rate 1×6`."""
    if branch.op == "conv3x3":
        return "3×3 conv, rate {}×{}".format(*branch.rate or ())
    if branch.op == "conv1x1":
        return "1×1 conv"
    return "pooling, grid {}×{}".format(*branch.grid_size or ())


def short_cell(genotype: Genotype) -> str:
    """A cell in one line: `r1x6(F) g2x4(0) 1x1(1)`. The operators' labels, each with
    what it reads: the backbone's features F, or the branch with that number, from 0.
    """
    return " ".join(
        f"{Operator.of(b).label}({'F' if b.source == BACKBONE else b.source})"
        for b in genotype.branches
    )


def long_cell(genotype: Genotype) -> str:
    """A cell in sentences, for those who do not see its picture."""
    parts = []
    for index, branch in enumerate(genotype.branches):
        is_first = branch.source == BACKBONE
        source = "the backbone's features" if is_first else f"branch {branch.source}"
        parts.append(f"branch {index} is a {branch_name(branch)}, of {source}")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}. All branches are joined."
