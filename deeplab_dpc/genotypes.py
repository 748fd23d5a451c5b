"""The space of dense prediction cells, and the published cell.

Chen et al., 2018, arXiv:1809.04184, Sec. 3.1: a cell is a graph of branches. Each
branch reads the backbone's last feature map or an earlier branch, applies one of 81
operators, and the cell's output is the concatenation of all branches.
"""

import dataclasses
import itertools
import json
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from deeplab_dpc.files import FileError, parse_json

BACKBONE = -1  # Branch input that means "the backbone's last feature map".
RATES = (1, 3, 6, 9, 12, 15, 18, 21)  # Atrous rates, in pixels at output stride 16.
GRID_SIZES = (1, 2, 4, 8)  # Cells of the pooling grid along one axis.
MAX_BRANCHES = 1000  # The paper's cells have five.
MAX_CHARACTERS = 1_000_000  # Of a cell's JSON; the longest cell has a tenth.

Op = Literal["conv1x1", "conv3x3", "pyramid_pooling"]

_KEYS = {
    "conv1x1": ("op", "kernel", "input"),
    "conv3x3": ("op", "kernel", "rate", "input"),
    "pyramid_pooling": ("op", "grid_size", "input"),
}
_KERNELS: dict[Any, Op] = {1: "conv1x1", (1, 1): "conv1x1"}
_KERNELS |= {3: "conv3x3", (3, 3): "conv3x3"}
_shown = reprlib.repr  # Of values in messages: short, however long or deep they are.


class GenotypeError(ValueError):
    """A genotype that no cell can be built from."""


@dataclasses.dataclass(frozen=True)
class Branch:
    """One branch `Y_i = op(X_i)` of a cell.

    The constructors `conv1x1`, `conv3x3` and `pyramid_pooling` say which fields an
    operator has; `Genotype` checks their values.

    Attributes:
        source: Index of an earlier branch, or `BACKBONE`.
        op: The 3x3 convolution is atrous and separable.
        rate: `(r_h, r_w)` of a 3x3 convolution, in pixels at output stride 16.
        grid_size: `(g_h, g_w)` of a pooling: cells of the grid along each axis.
    """

    source: int
    op: Op
    rate: tuple[int, int] | None = None
    grid_size: tuple[int, int] | None = None

    @classmethod
    def conv1x1(cls, source: int) -> "Branch":
        """A 1x1 convolution of `source`."""
        return cls(source, "conv1x1")

    @classmethod
    def conv3x3(cls, source: int, rate: tuple[int, int]) -> "Branch":
        """A 3x3 atrous separable convolution of `source`."""
        return cls(source, "conv3x3", rate=rate)

    @classmethod
    def pyramid_pooling(cls, source: int, grid_size: tuple[int, int]) -> "Branch":
        """An average pooling of `source` over a grid, back at the input's size."""
        return cls(source, "pyramid_pooling", grid_size=grid_size)

    def to_dict(self) -> dict[str, Any]:
        """The branch in the original's JSON keys."""
        if self.op == "conv1x1":
            own = {"kernel": 1, "op": "conv"}
        elif self.op == "conv3x3":
            own = {"kernel": 3, "rate": list(self.rate or ()), "op": "conv"}
        else:
            own = {"op": self.op, "grid_size": list(self.grid_size or ())}
        return {**own, "input": self.source}


@dataclasses.dataclass(frozen=True)
class Genotype:
    """A dense prediction cell: its branches in order, checked when it is made.

    Attributes:
        branches: 1 to 1,000; branch `i` reads the backbone or one of `0..i-1`.
        outside_space: Also accept rates and grid sizes from 1 on that the paper's
            space does not have.

    Raises:
        GenotypeError: With the branch, the value found and what is legal.
    """

    branches: tuple[Branch, ...]
    outside_space: bool = dataclasses.field(default=False, kw_only=True, compare=False)

    def __post_init__(self):
        object.__setattr__(self, "branches", tuple(self.branches))
        if not self.branches:
            raise GenotypeError("A cell needs at least one branch; this one has none.")
        if len(self.branches) > MAX_BRANCHES:
            raise GenotypeError(
                f"A cell has at most {MAX_BRANCHES:,} branches; this one has more."
            )
        for index, branch in enumerate(self.branches):
            _check_branch(index, branch, self.outside_space)

    @classmethod
    def from_json(cls, text: str, *, outside_space: bool = False) -> "Genotype":
        """Reads the original's JSON: a list with one object for each branch.

        Args:
            text: For example `[{"kernel": 3, "rate": [1, 6], "op": "conv",
                "input": -1}, {"op": "pyramid_pooling", "grid_size": [1, 2],
                "input": 0}]`. A kernel is `1`, `3`, `[1, 1]` or `[3, 3]`.
            outside_space: See the class.

        Raises:
            GenotypeError: If the text is no JSON, or no cell of the space.

        >>> text = '[{"kernel": 3, "rate": [1, 6], "op": "conv", "input": -1}]'
        >>> Genotype.from_json(text).branches[0].rate
        (1, 6)
        """
        if len(text) > MAX_CHARACTERS:
            raise GenotypeError(
                f"The JSON has {len(text):,} characters; a cell has at most "
                f"{MAX_CHARACTERS:,}."
            )
        try:
            branches = parse_json(text)
        except FileError as e:
            raise GenotypeError(
                f"The cell is not valid JSON: {e} Expected a list such as "
                f"{DPC_TOP1.to_json()}"
            ) from e
        return cls.from_list(branches, outside_space=outside_space)

    @classmethod
    def from_list(cls, branches: Any, *, outside_space: bool = False) -> "Genotype":
        """Like `from_json`, from the list that the JSON text is."""
        if not isinstance(branches, Sequence) or isinstance(branches, str | bytes):
            raise GenotypeError(
                f"A cell is a list of branches, got {type(branches).__name__} "
                f"({_shown(branches)})."
            )
        first = itertools.islice(branches, MAX_BRANCHES + 1)
        parsed = (_parse_branch(i, b) for i, b in enumerate(first))
        return cls(tuple(parsed), outside_space=outside_space)

    def to_list(self) -> list[dict[str, Any]]:
        """The branches in the original's JSON keys."""
        return [branch.to_dict() for branch in self.branches]

    def to_json(self) -> str:
        """The cell in the original's JSON format."""
        return json.dumps(self.to_list())


def _parse_branch(index: int, fields: Any) -> Branch:
    if not isinstance(fields, Mapping):
        raise GenotypeError(
            f"branch {index} is {_shown(fields)}; each branch is an object such as "
            f"{DPC_TOP1.branches[0].to_dict()}."
        )
    op = _parse_op(index, fields)
    missing = [key for key in _KEYS[op] if key not in fields]
    unknown = [key for key in fields if key not in _KEYS[op]]
    if missing or unknown:
        raise GenotypeError(
            f"branch {index} ({op}) has unknown keys {_shown(unknown)} and lacks "
            f"{missing}; its keys are {list(_KEYS[op])}."
        )
    pairs = (_parse_pair(fields.get(name)) for name in ("rate", "grid_size"))
    return Branch(fields["input"], op, *pairs)


def _parse_op(index: int, fields: Mapping[str, Any]) -> Op:
    op = fields.get("op")
    if op == "pyramid_pooling":
        return "pyramid_pooling"
    if op != "conv":
        raise GenotypeError(
            f"branch {index} has op {_shown(op)}; it must be 'conv' or "
            "'pyramid_pooling'."
        )
    kernel = _parse_pair(fields.get("kernel"))
    sizes = kernel if isinstance(kernel, tuple) else (kernel,)
    if not all(map(_is_int, sizes)) or kernel not in _KERNELS:
        raise GenotypeError(
            f"branch {index} has kernel {_shown(fields.get('kernel'))}; it must be "
            "1, 3, [1, 1] or [3, 3]."
        )
    return _KERNELS[kernel]


def _parse_pair(value: Any) -> Any:
    """Lists become tuples; everything else stays for the check."""
    return tuple(value) if isinstance(value, list) else value


def _check_branch(index: int, branch: Branch, outside_space: bool) -> None:
    if not isinstance(branch, Branch):
        raise GenotypeError(
            f"branch {index} is {_shown(branch)}, which is no `Branch`."
        )
    if branch.op not in _KEYS:
        raise GenotypeError(
            f"branch {index} has op {_shown(branch.op)}; it must be one of "
            f"{list(_KEYS)}."
        )
    if not _is_int(branch.source) or not BACKBONE <= branch.source < index:
        earlier = f" or one of the branches 0..{index - 1}" if index else ""
        raise GenotypeError(
            f"branch {index} reads {_shown(branch.source)}, which does not come "
            f"before it; its input must be {BACKBONE} (the backbone){earlier}."
        )
    for name, op, legal in (
        ("rate", "conv3x3", RATES),
        ("grid_size", "pyramid_pooling", GRID_SIZES),
    ):
        value = getattr(branch, name)
        if branch.op == op:
            _check_pair(index, name, value, legal, outside_space)
        elif value is not None:
            raise GenotypeError(
                f"branch {index} ({branch.op}) has {name} {_shown(value)}, "
                f"which only a {op} branch has."
            )


def _check_pair(
    index: int, name: str, value: Any, legal: tuple[int, ...], outside_space: bool
) -> None:
    found = f"branch {index} has {name} {_shown(value)}"
    is_pair = isinstance(value, tuple) and len(value) == 2 and all(map(_is_int, value))
    if not is_pair:
        raise GenotypeError(
            f"{found}; it must be two integers (height, width), each one of {legal}."
        )
    if outside_space and min(value) < 1:
        raise GenotypeError(f"{found}; each of the two must be at least 1.")
    if not outside_space and not set(value) <= set(legal):
        raise GenotypeError(
            f"{found}; each of the two must be one of {legal} (or pass "
            "`outside_space=True`)."
        )


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


DPC_TOP1 = Genotype(
    (
        Branch.conv3x3(BACKBONE, (1, 6)),
        Branch.conv3x3(0, (18, 15)),
        Branch.conv3x3(1, (6, 3)),
        Branch.conv3x3(0, (1, 1)),
        Branch.conv3x3(0, (6, 21)),
    )
)
"""The best cell of the paper's search (Figure 5a), as published for Cityscapes."""
