"""What the page says of a confirmation: winner, intervals, and what chose by what."""

import dataclasses

from deeplab_dpc.reports.search import confirmed
from deeplab_dpc.reports.search.tables import ScoreScale
from tests.reports.search.report_test import written
from tests.search.confirmation_test import made

PERCENT = ScoreScale()


def test_the_winner_and_its_gain_are_said():
    """0.01, -0.01 and 0.04 in three seeds: 1.33, and 4.30 standard errors of 1.45."""
    assert confirmed.sentence(made(), PERCENT) == (
        "The winner is trial 7. On test it has +1.33 ± 6.25 % over dpc_top1, in 3 "
        "pairs of the same seed."
    )


def test_the_table_has_each_cell_on_both_splits_and_its_gain():
    columns = confirmed.columns(made(), PERCENT)
    assert [c.name for c in columns[:5]] == [
        *("cell", "val[50%:]", "test", "gain over dpc_top1 on test", "seeds")
    ]
    shown = {n: [c.show(n) for c in columns] for n in confirmed.names(made())}
    assert list(shown) == ["ASPP", "trial 7", "trial 2", "dpc_top1"]
    assert shown["trial 2"][1:5] == [
        *("50.00 ± 24.84 %", "53.00 ± 6.57 %", "+11.33 ± 6.25 %", "3")
    ]
    assert shown["dpc_top1"][3] == "" and shown["ASPP"][5] == ""


def test_what_each_split_decided():
    found = dataclasses.replace(
        made(), search_split="val[:50%]", looks_s=(1.5e9, 1.6e9)
    )
    assert confirmed.protocol(found) == [
        ("val[:50%]", "which cells were kept"),
        ("val[50%:]", "the winner among the finalists"),
        ("test", "nothing; opened 2 times, first at 2017-07-14 02:40 UTC"),
    ]


def test_the_page_shows_it_and_says_when_seeds_are_missing(tmp_path):
    whole = written(tmp_path, confirmation=made()).text
    assert "The winner is trial 7." in whole and "opened 1 time" in whole
    assert (tmp_path / "confirmation.png").is_file()
    some = {name: {0: found[0]} for name, found in made().outcomes.items()}
    del some["dpc_top1"]
    half = dataclasses.replace(made(), outcomes=some)
    assert "Not every seed is trained yet." in written(tmp_path, confirmation=half).text
    assert "Finalists" not in written(tmp_path, confirmation=None).text
    assert not (tmp_path / "confirmation.png").exists()
