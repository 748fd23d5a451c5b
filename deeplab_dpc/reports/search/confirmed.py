"""The last word of `search.py confirm`: means over seeds, and what chose by what."""

from deeplab_dpc.formatting import count, when
from deeplab_dpc.reports import pages
from deeplab_dpc.reports.pages import Column
from deeplab_dpc.reports.plots import BLUE, GREY, ORANGE, Plot
from deeplab_dpc.reports.search.plots import Drawing
from deeplab_dpc.reports.search.tables import ScoreScale, branches
from deeplab_dpc.search.confirmation import PUBLISHED, Confirmation, Interval

_FIELDS = ("score", "test_score")


def shown(interval: Interval, scale: ScoreScale, sign: str = "") -> str:
    """`46.23 ± 0.41 %`, or `-1.234 ± 0.2`; with the sign "+" also before gains."""
    mean, half = scale.number(interval.mean), scale.number(interval.half_width)
    if scale.is_share:
        return f"{mean:{sign}.2f} ± {half:.2f} %"
    return f"{mean:{sign}.4g} ± {half:.2g}"


def sentence(found: Confirmation, scale: ScoreScale) -> str:
    """The winner, and what it is worth on the test split."""
    winner = found.winner()
    gain = found.gain(winner, "test_score")
    return (
        f"The winner is {winner}. On {found.test_split} it has "
        f"{shown(gain, scale, '+')} over {PUBLISHED}, in "
        f"{count(gain.num_values, 'pair')} of the same seed."
    )


def protocol(found: Confirmation) -> list[tuple[str, str]]:
    """Each split, and what was chosen by it."""
    looks = f"nothing; opened {count(len(found.looks_s), 'time')}"
    return [
        (found.search_split or "the search's", "which cells were kept"),
        (found.eval_split, "the winner among the finalists"),
        (found.test_split, f"{looks}, first at {when(found.looks_s[0])}"),
    ]


def columns(found: Confirmation, scale: ScoreScale) -> list[Column]:
    """The columns of the table of `names`."""

    def over_seeds(split: str, field: str) -> Column:
        return Column(
            split,
            lambda name: shown(found.interval(name, field), scale),
            lambda name: found.interval(name, field).mean,
        )

    def gain(name: str) -> Interval:
        return found.gain(name, "test_score")

    return [
        Column("cell", str, kind="text"),
        *map(over_seeds, (found.eval_split, found.test_split), _FIELDS),
        Column(
            f"gain over {PUBLISHED} on {found.test_split}",
            lambda n: "" if n == PUBLISHED else shown(gain(n), scale, "+"),
            lambda n: gain(n).mean,
        ),
        Column("seeds", lambda n: str(len(found.outcomes[n]))),
        branches(lambda n: found.cells[n]),
    ]


def names(found: Confirmation) -> list[str]:
    """The cells that have been trained, the best on the evaluation split first."""
    trained = [name for name in found.cells if found.outcomes.get(name)]
    return sorted(trained, key=lambda name: -found.interval(name).mean)


def drawn(found: Confirmation, scale: ScoreScale) -> Drawing:
    """Each cell's scores on the test split, seed by seed, and their interval."""
    order = names(found)[::-1]
    winner = found.winner() if found.is_complete else None
    size = 7.6, 1.0 + 0.35 * len(order)
    label = f"score on {found.test_split}{scale.unit}"
    with Plot(pages.legal(label), "", size) as plot:
        for place, name in enumerate(order):
            interval = found.interval(name, "test_score")
            scores = [outcome.test_score for outcome in found.outcomes[name].values()]
            color = ORANGE if name == winner else BLUE
            values = [scale.number(score) for score in scores]
            plot.axes.plot(values, [place] * len(values), "|", color=GREY)
            mean, half = map(scale.number, (interval.mean, interval.half_width))
            plot.axes.errorbar(mean, place, xerr=half, fmt="o", color=color, capsize=3)
        plot.axes.set_yticks(range(len(order)), map(pages.legal, order))
        said = [f"{n} {shown(found.interval(n, _FIELDS[1]), scale)}" for n in order]
        alt = f"Scores on {found.test_split} over seeds: {', '.join(said[::-1])}."
        caption = (
            "A point is the mean over seeds with its 95 % interval (Student's t), a "
            "stroke one seed. Images of one drive are alike: the interval says nothing "
            "about another city."
        )
        return Drawing.of(plot, "confirmation", alt, caption)
