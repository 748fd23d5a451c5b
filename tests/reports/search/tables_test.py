"""Scores as text, the table of trials and the CSV beside it."""

import csv
import io
import math

from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.reports.cell_names import short_cell
from deeplab_dpc.reports.search import tables
from deeplab_dpc.reports.search.tables import ScoreScale
from deeplab_dpc.search.results import SearchResults
from tests.reports.search import samples


def test_the_csv_holds_every_trial_as_it_was():
    records = samples.trials(60)
    text = tables.to_csv(reversed(records))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [int(row["number"]) for row in rows] == list(range(60))
    for row, record in zip(rows, records):
        assert Genotype.from_json(row["genotype"]) == record.genotype
        for name in ("state", "error", "worker"):
            assert row[name] == getattr(record, name)
        if record.outcome is None:
            assert row["score"] == row["branch_norms"] == ""
        elif math.isfinite(record.outcome.score):
            assert float(row["score"]) == record.outcome.score
            assert int(row["multiply_adds"]) == record.outcome.multiply_adds
        ended = float(row["ended_s"]) if row["ended_s"] else None
        assert ended == record.ended_s


def test_the_best_and_the_latest_are_shown():
    results = SearchResults(name="a", trials=samples.trials(2000))
    numbers = [t.number for t in tables.shown_trials(results)]
    best = {t.number for t in results.scored[:200]}
    assert set(numbers) == best | set(range(1800, 2000))
    assert numbers == sorted(numbers, reverse=True)
    section = samples.trials_section(results)
    assert section.count("<tr>") == 1 + len(numbers)
    assert "The 200 best and the 200 latest of 2,000 trials" in section


def test_all_of_few_are_shown():
    results = samples.results(30)
    section = samples.trials_section(results)
    assert section.count("<tr>") == 31 and "30 trials" in section
    first = results.trials[0]
    line = f"0 complete {100 * first.score:.2f} % {short_cell(first.genotype)}"
    assert line in samples.text(results)


def test_odd_scores_are_said_and_sorted_last():
    records = samples.trials(60)
    stopped = next(t for t in records if t.state == "stopped")
    odd = (records[samples.NAN_NUMBER], records[samples.INF_NUMBER], stopped)
    section = samples.html(SearchResults(name="a", trials=odd))
    shown = f"({100 * stopped.outcome.score:.2f} %)"
    for value in ("nan", "inf", shown):
        assert f'<td class="number" data-value="">{value}</td>' in section


def test_another_objective_is_no_percentage():
    section = samples.html(SearchResults(name="a", trials=(samples.trial(0, -3.25),)))
    assert '<td class="number" data-value="-3.25">-3.25</td>' in section


def test_a_share_is_shown_in_percent_and_another_objective_as_it_is():
    shares = ScoreScale.of([0.0, 1.0, 0.4623, None, math.nan])
    assert shares.show(0.4623) == "46.23 %" and shares.number(0.5) == 50
    assert shares.unit == " in %"
    losses = ScoreScale.of([0.2, -1.5])
    assert losses.show(-1.5) == "-1.5" and losses.number(0.5) == 0.5
    assert losses.unit == ""
    assert shares.show(None) == shares.show(math.nan) == shares.show(math.inf) == "–"
