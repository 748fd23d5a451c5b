"""The table of scores, the images, the settings."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deeplab_dpc.evaluation.results import Result
from deeplab_dpc.formatting import percent
from deeplab_dpc.reports.evaluation import markup
from deeplab_dpc.reports.evaluation.markup import text
from deeplab_dpc.reports.extremes import Example

SCORE_NAMES = {
    "miou": "mIoU",
    "pixel_accuracy": "pixel accuracy",
    "mean_class_accuracy": "mean class accuracy",
    "frequency_weighted_iou": "frequency weighted IoU",
    "boundary_f": "boundary F",
}
"""What `Result.means` calls the scores, and what people do."""
_CRISP = ' class="crisp"'  # Pictures that the page enlarges.


def tiles(means: Mapping[str, float]) -> str:
    """The scores of the whole split, large."""
    parts = [
        f"<div><dt>{text(SCORE_NAMES.get(name, name))}</dt>"
        f"<dd>{percent(value)}</dd></div>"
        for name, value in means.items()
    ]
    return '<dl class="tiles">\n' + "\n".join(parts) + "\n</dl>"


def scores(result: Result, colors: Sequence[tuple[int, int, int]]) -> str:
    """A row for each class; with a script its columns sort."""
    counts = np.array(result.counts)
    columns: list[tuple[str, str, Sequence[float]]] = [
        ("IoU", "bar", result.ious),
        ("accuracy", "", result.accuracies),
        ("precision", "", precisions(counts)),
    ]
    if result.boundary is not None:
        columns.append(("boundary F", "", result.boundary.classes))
    columns += [
        ("true pixels", "bar faint", result.shares),
        ("predicted pixels", "bar faint", predicted_shares(counts)),
    ]
    heads = "".join(f'<th scope="col">{name}</th>' for name, _, _ in columns)
    rows = []
    for i, name in enumerate(result.class_names):
        cells = "".join(_cell(values[i], kind) for _, kind, values in columns)
        head = f"{markup.swatch(colors[i])}{text(name)}"
        key = f'data-value="{text(name.lower())}"'
        rows.append(f'<tr><th scope="row" {key}>{head}</th>{cells}</tr>')
    table = (
        '<table class="scores" data-sortable><caption>Scores of each class</caption>\n'
        f'<thead><tr><th scope="col">class</th>{heads}</tr></thead>\n<tbody>\n'
        + "\n".join(rows)
        + "\n</tbody></table>"
    )
    kind = "tall" if len(result.class_names) > 40 else ""
    return markup.scrolling("Scores of each class", table, kind)


def precisions(counts: np.ndarray) -> list[float]:
    """Share of the pixels predicted as a class that are; nan where there is none."""
    hits, predicted = np.diagonal(counts), counts.sum(axis=0)
    known = predicted > 0
    found = np.full(len(counts), math.nan)
    return np.divide(hits, predicted, out=found, where=known).tolist()


def predicted_shares(counts: np.ndarray) -> list[float]:
    """Share of the counted pixels that are predicted as each class."""
    return (counts.sum(axis=0) / max(int(counts.sum()), 1)).tolist()


def examples(title: str, items: Sequence[Example]) -> str:
    """Images with their pictures and scores; empty without any."""
    if not items:
        return ""
    figures = "\n".join(_example(item) for item in items)
    return f'<h3>{text(title)}</h3>\n<div class="examples">\n{figures}\n</div>'


def settings(parts: Mapping[str, Mapping[str, Any]]) -> str:
    """The settings, a folded table for each part."""
    return "\n".join(_settings_part(name, values) for name, values in parts.items())


def commands(items: Sequence[tuple[str, str]]) -> str:
    """Commands as they were typed."""
    return "\n".join(
        f'<h3>{text(title)}</h3>\n<pre tabindex="0">{text(command)}</pre>'
        for title, command in items
        if command
    )


def _cell(value: float, kind: str) -> str:
    number = "" if math.isnan(value) else f"{value:.6f}"
    style = f' style="--share:{value:.4f}"' if kind and number else ""
    return (
        f'<td class="number {kind}" data-value="{number}"{style}>'
        f"<span>{percent(value)}</span></td>"
    )


def _example(item: Example) -> str:
    score, pictures = item.score, []
    for heading, picture in item.panels:
        is_photo = heading == "image"
        uri = markup.photo_uri(picture) if is_photo else markup.drawing_uri(picture)
        height, width = picture.shape[:2]
        pictures.append(
            f'<figure><img{_CRISP if width < 270 else ""} src="{uri}" '
            f'width="{width}" height="{height}" '
            f'alt="{text(f"{heading} of {score.name}")}">'
            f"<figcaption>{text(heading)}</figcaption></figure>"
        )
    scores = f"mIoU {percent(score.miou)}, {percent(score.pixel_accuracy)} right"
    if not math.isnan(score.boundary_f):
        scores += f", boundary F {percent(score.boundary_f)}"
    return (
        f'<article><h4>{text(score.name)} <span class="note">{scores}</span></h4>\n'
        f'<div class="panels">{"".join(pictures)}</div></article>'
    )


def _settings_part(name: str, values: Mapping[str, Any]) -> str:
    rows = "\n".join(
        f'<tr><th scope="row">{text(key)}</th><td>{text(_shown(value))}</td></tr>'
        for key, value in values.items()
    )
    table = (
        f'<table class="settings"><caption class="hidden">Settings: {text(name)}'
        f"</caption><tbody>\n{rows}\n</tbody></table>"
    )
    scrolling = markup.scrolling(f"Settings: {name}", table)
    return f"<details><summary>{text(name)}</summary>\n{scrolling}\n</details>"


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
