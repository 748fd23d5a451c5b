"""Shares as text for people."""

import math


def percent(share: float) -> str:
    """A share as text: `97.3 %`; all or nothing only if it is, `–` for nan."""
    if math.isnan(share):
        return "–"
    text = f"{100 * share:.1f}"
    if share not in (0.0, 1.0):
        text = {"0.0": "< 0.1", "100.0": "> 99.9"}.get(text, text)
    return f"{text} %"


def fine_percent(share: float) -> str:
    """A share as a percentage of some three digits: `31.2 %`, `0.42 %`, `0.003 %`."""
    value = 100 * share
    if value == 0:
        return "0 %"
    digits = next(
        (d for d, least in ((1, 10), (2, 0.1), (3, 0.001)) if value >= least), 5
    )
    return f"{value:.{digits}f} %"
