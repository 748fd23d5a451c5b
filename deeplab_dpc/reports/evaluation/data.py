"""What the page is made from."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from deeplab_dpc.evaluation.results import Result
from deeplab_dpc.reports.extremes import Example
from deeplab_dpc.reports.pictures import Palette

Pairs = tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report:
    """All that the page tells; the page is a function of it and of nothing else.

    Attributes:
        result: The scores.
        palette: The classes' names and colours.
        dataset: The data set's name.
        facts: What was scored: name and text of each fact.
        best: Drawn images with the highest scores, the best first.
        worst: And with the lowest, the worst first.
        metrics: Rows of the training: `step` and `loss`, maybe `cross_entropy`,
            `regularization`, `learning_rate`, `images_per_s`, `input_wait_share`.
        no_metrics: Why there is none, if there is none.
        cell_svg: The cell's picture, an SVG document, if there is a cell.
        cell_json: The cell as JSON text.
        settings: Settings by part: model, data and so on.
        commands: Title and text of each command.
        versions: Name and version of what ran.
        made: When, as text.
    """

    result: Result
    palette: Palette
    dataset: str
    facts: Pairs = ()
    best: Sequence[Example] = ()
    worst: Sequence[Example] = ()
    metrics: Sequence[Mapping[str, float]] = ()
    no_metrics: str = ""
    cell_svg: str | None = None
    cell_json: str = ""
    settings: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    commands: Pairs = ()
    versions: Pairs = ()
    made: str = ""
