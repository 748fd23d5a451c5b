"""The space of cells: how large it is, cells drawn from it, cells near others."""

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self, TypeVar

import numpy as np

from deeplab_dpc.formatting import count
from deeplab_dpc.genotypes import BACKBONE, Branch, Genotype
from deeplab_dpc.search.config import SpaceConfig

T = TypeVar("T")
Near = list[list[list[T]]]  # By field that changes, then in groups.
Parameters = dict[str, str | int]
_MOST_DRAWS = 10_000


class SpaceError(ValueError):
    """A cell, or parameters, that are not of the space; or a space without cells."""


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


def near_operators(operator: Operator, operators: Sequence[Operator]) -> Near[Operator]:
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
    below: list[list[str]] = [[] for _ in range(len(genotype.branches) + 1)]
    for i, branch in reversed([*enumerate(genotype.branches)]):
        hanging = f"({','.join(sorted(below[i]))})" if below[i] else ""
        below[branch.source].append(Operator.of(branch).label + hanging)
    return ",".join(sorted(below[BACKBONE]))


@dataclasses.dataclass(frozen=True)
class Space:
    """All cells with so many branches and these operators (paper, Sec. 3.1).

    As flat parameters a cell has one `branch_<i>_op` for each branch, a label of
    `Operator`, and from the second branch on one `branch_<i>_input`, `BACKBONE` or an
    earlier branch. Each combination of legal values is a cell and there is no
    parameter that another one makes idle, so uniform parameters are uniform cells.

    >>> space = Space.from_config(SpaceConfig(num_branches=2))
    >>> space.num_operators, space.size()
    (81, 13122)
    >>> space.encode(space.cell(7000))
    {'branch_0_op': 'r12x3', 'branch_1_input': -1, 'branch_1_op': 'r15x6'}
    >>> space.key(space.sample(np.random.default_rng(0)))
    'r18x6(r15x1)'

    Attributes:
        num_branches: At least 1.
        operators: At least one, each once.
        allows: Whether a cell counts; others are never drawn. `size` counts them all.

    Raises:
        SpaceError: If there is no cell, or an operator comes twice.
        GenotypeError: If an operator is not the paper's.
    """

    num_branches: int
    operators: tuple[Operator, ...]
    allows: Callable[[Genotype], bool] = bool  # A cell is true.

    def __post_init__(self):
        if self.num_branches < 1 or not self.operators:
            raise SpaceError(
                f"A space of {count(self.num_branches, 'branch')} and "
                f"{count(self.num_operators, 'operator')} has no cell; it needs at "
                "least one of each."
            )
        if len(self._by_label) < self.num_operators:
            labels = " ".join(operator.label for operator in self.operators)
            raise SpaceError(f"An operator comes more than once: {labels}")
        for operator in self.operators:
            Genotype((operator.branch(BACKBONE),))  # Refuses what is not the paper's.

    @classmethod
    def from_config(cls, config: SpaceConfig) -> Self:
        """The space of these settings, the operators in rising order."""
        operators = [Operator("conv1x1")] if config.use_conv1x1 else []
        for is_used, op, sides in (
            (config.use_conv3x3, "conv3x3", config.rates),
            (config.use_pyramid_pooling, "pyramid_pooling", config.grid_sizes),
        ):
            if is_used:
                pairs = itertools.product(sorted(sides), repeat=2)
                operators += [Operator(op, pair) for pair in pairs]
        return cls(config.num_branches, tuple(operators))

    @property
    def num_operators(self) -> int:
        """81 in the paper."""
        return len(self.operators)

    def size(self) -> int:
        """Number of cells: `B! * num_operators ** B` (paper, Sec. 3.1). Cells that
        differ in the order of branches alone are counted each.
        """
        return math.factorial(self.num_branches) * self.num_operators**self.num_branches

    def cell(self, index: int) -> Genotype:
        """The cell with this number, from 0 to `size() - 1`."""
        branches = []
        for i in range(self.num_branches):
            index, source = divmod(index, i + 1)
            index, operator = divmod(index, self.num_operators)
            branches.append(self.operators[operator].branch(source + BACKBONE))
        return Genotype(tuple(branches))

    def all_cells(self) -> Iterator[Genotype]:
        """Every cell, for small spaces."""
        return map(self.cell, range(self.size()))

    def sample(self, rng: np.random.Generator) -> Genotype:
        """A cell drawn uniformly: each branch one of its inputs and one operator.
        `SpaceError` if none of very many is allowed.
        """
        for _ in range(_MOST_DRAWS):
            sources = [int(rng.integers(BACKBONE, i)) for i in range(self.num_branches)]
            drawn = rng.integers(self.num_operators, size=self.num_branches)
            pairs = zip(sources, drawn)
            cell = Genotype(tuple(self.operators[o].branch(s) for s, o in pairs))
            if self.allows(cell):
                return cell
        raise SpaceError(
            f"None of {_MOST_DRAWS:,} random cells is within the limit; raise "
            "--max_multiply_adds."
        )

    def mutate(self, genotype: Genotype, rng: np.random.Generator) -> Genotype:
        """Another cell that differs in one field of one branch, by a near value.

        The branch, then one of its fields that can change, then the new value are
        drawn uniformly: the input becomes another one; the rate or the grid goes one
        step up or down along height or width; the operator becomes one of another
        kind (the kind is drawn first). The cell is never the same in another order. If
        no near one is allowed, it is any.

        Raises:
            SpaceError: If the cell is not of the space, or the space has no other.
        """
        self._check_contains(genotype)
        branches, key, has_others = genotype.branches, cell_key(genotype), False

        def one_of(values: Sequence) -> Any:
            return values[int(rng.integers(len(values)))]

        for _ in range(100):
            i = int(rng.integers(len(branches)))
            fields = self._fields(i, branches[i])
            if not fields:
                continue
            branch = one_of(one_of(one_of(fields)))
            mutant = Genotype((*branches[:i], branch, *branches[i + 1 :]))
            if cell_key(mutant) != key:
                has_others = True
                if self.allows(mutant):
                    return mutant
        if has_others:
            return self.sample(rng)
        raise SpaceError(
            f"No other cell is near {key}: the space has {count(self.size(), 'cell')}. "
            "Give it more operators or branches."
        )

    def _fields(self, index: int, branch: Branch) -> Near[Branch]:
        """Near branches of a branch: by field, then by group of equal probability."""
        fields = [
            [[operator.branch(branch.source) for operator in group] for group in field]
            for field in self._near[Operator.of(branch)]
        ]
        inputs = [s for s in range(BACKBONE, index) if s != branch.source]
        others = [dataclasses.replace(branch, source=s) for s in inputs]
        return [*fields, [others]] if others else fields

    @functools.cached_property
    def _near(self) -> dict[Operator, Near[Operator]]:
        return {o: near_operators(o, self.operators) for o in self.operators}

    @functools.cached_property
    def _by_label(self) -> dict[str, Operator]:
        return {operator.label: operator for operator in self.operators}

    def contains(self, genotype: Genotype) -> bool:
        """Whether the cell has the number of branches and only these operators."""
        labels = {Operator.of(branch).label for branch in genotype.branches}
        has_size = len(genotype.branches) == self.num_branches
        return has_size and labels <= self._by_label.keys()

    def _check_contains(self, genotype: Genotype) -> None:
        if not self.contains(genotype):
            raise SpaceError(
                f"The cell {cell_key(genotype)} is not of the space: its cells have "
                f"{count(self.num_branches, 'branch')} of "
                f"{count(self.num_operators, 'operator')}, {' '.join(self._by_label)}. "
                "Choose another cell, or a space that has it (--num_branches, "
                "--rates, --grid_sizes, --use_...)."
            )

    def choices(self) -> dict[str, tuple[str, ...] | tuple[int, ...]]:
        """The legal values of each flat parameter, in their order."""
        legal: dict[str, tuple[str, ...] | tuple[int, ...]] = {}
        for i in range(self.num_branches):
            if i:
                legal[f"branch_{i}_input"] = tuple(range(BACKBONE, i))
            legal[f"branch_{i}_op"] = tuple(self._by_label)
        return legal

    def encode(self, genotype: Genotype) -> Parameters:
        """The cell as flat parameters; `SpaceError` if it is not of the space."""
        self._check_contains(genotype)
        parameters: Parameters = {}
        for i, branch in enumerate(genotype.branches):
            if i:
                parameters[f"branch_{i}_input"] = branch.source
            parameters[f"branch_{i}_op"] = Operator.of(branch).label
        return parameters

    def decode(self, parameters: Mapping[str, str | int]) -> Genotype:
        """The cell that `encode` made these parameters of; others are left alone.
        `SpaceError` if one is missing or has no legal value.
        """
        for name, legal in self.choices().items():
            if parameters.get(name) not in legal:
                found = repr(parameters[name]) if name in parameters else "missing"
                raise SpaceError(
                    f"{name} is {found}; it must be one of {' '.join(map(str, legal))}."
                )
        branches = []
        for i in range(self.num_branches):
            source = int(parameters[f"branch_{i}_input"]) if i else BACKBONE
            operator = self._by_label[str(parameters[f"branch_{i}_op"])]
            branches.append(operator.branch(source))
        return Genotype(tuple(branches))

    def key(self, genotype: Genotype) -> str:
        """See `cell_key`; `SpaceError` if the cell is not of the space."""
        self._check_contains(genotype)
        return cell_key(genotype)
