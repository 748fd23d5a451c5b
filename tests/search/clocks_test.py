"""Times of workers whose clocks differ, by hand."""

import pytest

from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.search import clocks
from deeplab_dpc.search.trials import TrialRecord

NOW_S = 100_000.0
SHIFT_S = 7 * 3600.0


def trials(off_s, count=40, every_s=60.0, owners=("a", "b"), until_s=NOW_S):
    """One after the other, by each worker in turn; those of `b` by its own clock."""
    found = []
    for number in range(count):
        worker = owners[number % len(owners)]
        began_s = until_s - every_s * (count - number)
        began_s += off_s if worker == "b" else 0
        times = {"began_s": began_s, "ended_s": began_s + 2 * every_s}
        found.append(
            TrialRecord(
                number=number,
                genotype=DPC_TOP1,
                state="complete",
                worker=worker,
                **times,
            )
        )
    return found


@pytest.mark.parametrize("off_s", [SHIFT_S, -SHIFT_S, 1800.0, -1800.0])
@pytest.mark.parametrize("owners", ["ab", "abb", "aab", "abc"])
def test_a_clock_that_is_off_is_set_right(off_s, owners):
    """Whichever has more trials: what is in the future or long past is not kept. Half
    an hour is recent, so there more trials decide which clock is kept.
    """
    found, ahead = clocks.aligned(trials(off_s, owners=owners), NOW_S + 200)
    truth = trials(0, owners=owners)
    if owners == "abb" and off_s == -1800:
        assert ahead == {"a": pytest.approx(1800, abs=200)}
        return
    assert ahead == {"b": pytest.approx(off_s, abs=200)}
    for one, other in zip(found, truth, strict=True):
        assert one.began_s == pytest.approx(other.began_s, abs=200)
        assert one.ended_s - one.began_s == other.ended_s - other.began_s


def test_clocks_that_agree_are_left_alone():
    """Also a pause of a day, one worker after another, and one alone."""
    late = trials(0, owners="c", until_s=NOW_S + 86_400)
    one_by_one = trials(0, owners="a") + [
        TrialRecord(**{**vars(t), "number": t.number + 40}) for t in late
    ]
    for given in (trials(0), trials(300.0), one_by_one, trials(SHIFT_S, owners="b")):
        assert clocks.aligned(given, NOW_S + 90_000) == (tuple(given), {})
    assert clocks.aligned([], NOW_S) == ((), {})
