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
