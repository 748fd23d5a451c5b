"""The page: its sections in order."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from deeplab_dpc.formatting import percent
from deeplab_dpc.reports.evaluation import charts, confusions, markup, tables
from deeplab_dpc.reports.evaluation.data import Report
from deeplab_dpc.reports.evaluation.document import document
from deeplab_dpc.reports.evaluation.markup import section, text


def page(report: Report) -> str:
    """The whole page, an HTML document without references to anything outside it."""
    result = report.result
    title = f"{report.dataset} {result.split}, step {result.step}"
    sections = {
        "scores": _scores(report),
        "shares": _shares(report),
        "confusion": _confusion(report),
        "images": _images(report),
        "training": _training(report),
        "cell": _cell(report),
        "settings": _settings(report),
    }
    window = f"mIoU {percent(result.miou)}: {title}"
    return document(window, title, report.facts, sections, report.made)


def _scores(report: Report) -> str:
    result = report.result
    return section(
        "scores",
        "Scores",
        tables.tiles(result.means),
        tables.scores(result, report.palette.colors),
        markup.note(
            "IoU: hits by the union of true and predicted pixels. Accuracy: share of "
            "the true pixels that are found. Precision: share of the predicted pixels "
            "that are right. “–”: does not occur. Pixels with the ignored label do not "
            "count."
        ),
    )


def _shares(report: Report) -> str:
    result, palette = report.result, report.palette
    predicted = np.array(tables.predicted_shares(np.array(result.counts)))
    rows = [("true", np.array(result.shares)), ("predicted", predicted)]
    names = result.class_names
    most = int(np.argmax(result.shares))
    label = (
        "Shares of the classes among all labelled pixels, true and predicted. The "
        f"largest is {names[most]} with {percent(result.shares[most])}. The table of "
        "scores has all of them."
    )
    chart = charts.shares(rows, names, palette.colors, label)
    legend, num_left_out = _legend(report)
    note = f"{num_left_out} classes below half a percent have no name here."
    return section(
        "shares",
        "Class shares",
        markup.scrolling("Class shares", chart),
        legend,
        markup.note(note) if num_left_out else "",
    )


def _legend(report: Report) -> tuple[str, int]:
    """Names and colours; of very many classes some are left out: how many."""
    result, palette = report.result, report.palette
    predicted = tables.predicted_shares(np.array(result.counts))
    largest = np.maximum(result.shares, predicted)
    least = 0.005 if len(largest) > confusions.MOST_IN_TABLE else 0.0
    order = [c for c in np.argsort(-largest, kind="stable") if largest[c] > least]
    items = "".join(
        f"<li>{markup.swatch(palette.colors[c])}{text(result.class_names[c])}</li>"
        for c in order
    )
    left_out = int((largest > 0).sum()) - len(order)
    return f'<ul class="legend">{items}</ul>', left_out


def _confusion(report: Report) -> str:
    counts, names = np.array(report.result.counts), report.result.class_names
    return section(
        "confusion",
        "Confusion matrix",
        '<div class="beside">',
        confusions.matrix(counts, names),
        confusions.largest(counts, names, report.palette.colors),
        "</div>",
        markup.note(
            "Rows are true, columns predicted classes; each row adds up to 100 %. "
            "Blue is right, orange wrong. The scale is that of square roots, so that "
            "small shares are seen, too; below half a percent nothing is shown."
        ),
    )


def _images(report: Report) -> str:
    result, parts = report.result, []
    known = [s.miou for s in result.images if not math.isnan(s.miou)]
    if len(known) > 1 and len(result.images) == result.num_images:
        label = (
            f"How many images have which mIoU: {len(known)} images, from "
            f"{percent(min(known))} to {percent(max(known))}, median "
            f"{percent(float(np.median(known)))}."
        )
        parts.append(markup.scrolling("Histogram", charts.histogram(known, label)))
        parts.append(markup.note(label))
    if report.worst:
        parts.append(_legend(report)[0])
    parts.append(tables.examples("Worst images", report.worst))
    parts.append(tables.examples("Best images", report.best))
    if not any(parts):
        return ""
    if report.worst:
        parts.append(
            markup.note(
                "Errors: wrong pixels are red, right ones pale; hatched ones have no "
                "label and do not count. An image's mIoU is over the classes that are "
                "true or predicted in it."
            )
        )
    return section("images", "Images", *parts)


def _training(report: Report) -> str:
    rows = [row for row in report.metrics if {"step", "loss"} <= row.keys()]
    if not rows:
        return section("training", "Training", markup.note(report.no_metrics))

    def line(name: str) -> list[tuple[float, float]]:
        return [(row["step"], row[name]) for row in rows if name in row]

    last, parts = rows[-1], []
    losses = [("loss", "one", line("loss"))]
    losses.append(("cross-entropy", "two", line("cross_entropy")))
    label = (
        f"The loss over {last['step']:,.0f} steps; it was {rows[0]['loss']:.4g} first "
        f"and {last['loss']:.4g} last."
    )
    parts.append(charts.curves(losses, label, "loss", 320))
    rates = line("learning_rate")
    if rates:
        label = f"The learning rate; {rates[0][1]:.3g} first, {rates[-1][1]:.3g} last."
        series = [("learning rate", "three", rates)]
        parts.append(charts.curves(series, label, "learning rate", 180))
    shown = [markup.scrolling("Curves of the training", part) for part in parts if part]
    return section("training", "Training", *shown, markup.note(_speed(rows)))


def _speed(rows: Sequence[Mapping[str, float]]) -> str:
    """The last loss; images a second and the share of waiting, their medians."""
    words = []
    for name, shown in (
        ("images_per_s", lambda value: f"{value:.3g} images/s"),
        ("input_wait_share", lambda value: f"{percent(value)} of the time for input"),
    ):
        values = [row[name] for row in rows if math.isfinite(row.get(name, math.nan))]
        if values:
            words.append(shown(float(np.median(values))))
    last = rows[-1]
    medians = f"; medians of the log: {', '.join(words)}" if words else ""
    return f"Step {last['step']:,.0f}: loss {last['loss']:.4g}{medians}."


def _cell(report: Report) -> str:
    if report.cell_svg is None:
        return ""
    uri = markup.data_uri(report.cell_svg.encode(), "image/svg+xml")
    alt = "Diagram of the dense prediction cell; the JSON below says the same."
    return section(
        "cell",
        "Dense prediction cell",
        markup.scrolling("Diagram", f'<img class="cell" src="{uri}" alt="{alt}">'),
        f'<pre tabindex="0">{text(report.cell_json)}</pre>',
    )


def _settings(report: Report) -> str:
    return section(
        "settings",
        "Settings",
        tables.commands(report.commands),
        tables.settings(report.settings),
        "<h3>Versions</h3>" if report.versions else "",
        markup.pairs(report.versions) if report.versions else "",
    )
