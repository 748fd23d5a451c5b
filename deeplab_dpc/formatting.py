"""Numbers and times as text for people."""

import datetime
import json
import math
import re
import shlex
import textwrap
from collections.abc import Sequence
from typing import Any

NOTHING = "–"
"""What stands where there is no value."""
_PASSWORD = re.compile(
    r"(?<=://)(/*[^/@:\s]*):(?:\S*|(?:(?!://).)*)(?=@)"
    r"|(?<=[?&])(?:ssl)?password=[^&\s]*&?",
    re.IGNORECASE,
)
_JSON_WIDTH = 100  # Characters of a line.
_TIME_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def percent(share: float) -> str:
    """A share as text: `97.3 %`; all or nothing only if it is, `–` for nan."""
    if math.isnan(share):
        return NOTHING
    text = f"{100 * share:.1f}"
    if share not in (0.0, 1.0):
        text = {"0.0": "< 0.1", "100.0": "> 99.9"}.get(text, text)
    return f"{text} %"


def fine_percent(share: float) -> str:
    """A share as a percentage of some three digits: `31.2 %`, `0.42 %`, `0.003 %`."""
    value = 100 * share
    limits = ((1, 10), (2, 0.1), (3, 0.001))
    digits = next((d for d, least in limits if value >= least), 5 if value else 0)
    return f"{value:.{digits}f} %"


def duration(seconds: float) -> str:
    """A duration in its two largest units: `7 s`, `3 min 5 s`, `2 h`, `6 d 3 h`."""
    whole = max(0, math.ceil(seconds))
    large = next((i for i, (_, size) in enumerate(_TIME_UNITS) if whole >= size), 3)
    parts: list[str] = []
    for name, size in _TIME_UNITS[large : large + 2]:
        number, whole = divmod(whole, size)
        if number or not parts:
            parts.append(f"{number:,} {name}")
    return " ".join(parts)


def when(time_s: float | None) -> str:
    """A time in seconds since 1970 as `2026-11-22 12:00 UTC`; `–` for none."""
    if time_s is None:
        return NOTHING
    moment = datetime.datetime.fromtimestamp(time_s, datetime.UTC)
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def count(number: int, noun: str) -> str:
    """A number and its noun: `1 cell`, `28,000 cells`, `0 classes`, `2 batches`."""
    ending = "es" if noun.endswith(("s", "x", "ch", "sh")) else "s"
    return f"{number:,} {noun}{'' if number == 1 else ending}"


def millions(number: float) -> str:
    """A count in millions or billions: `0.36 M`, `2.82 B`; `–` for 0, not counted."""
    if not number:
        return NOTHING
    size, sign = (1e9, "B") if number >= 1e9 else (1e6, "M")
    return f"{number / size:.2f} {sign}"


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `12th`, `28,000th`."""
    is_teen = number % 100 in (11, 12, 13)
    ending = "th" if is_teen else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def some(items: Sequence[str], most: int) -> str:
    """The first few items, and how many more there are: `a, b and 26 more`."""
    more = f" and {len(items) - most:,} more" if items[most:] else ""
    return ", ".join(items[:most]) + more


def clipped(text: str, length: int = 80) -> str:
    """The text, or its beginning and `…`: what a message quotes stays short."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def is_ours(error: BaseException) -> bool:
    """Whether an error is of a kind of this package, whose text is a sentence."""
    package = __name__.partition(".")[0]
    return any(kind.__module__.startswith(package) for kind in type(error).__mro__)


def without_passwords(text: str) -> str:
    """A text without the passwords of addresses in it: others read `PGPASSWORD` or
    `~/.pgpass`.
    """
    return _PASSWORD.sub(r"\1", text)


def without_nodes(message: str) -> str:
    """What TensorFlow says of an error, without the names of its nodes and devices."""
    return message.split("}} ")[-1].split(" [Op:")[0].strip()


def as_flag(name: str, value: object) -> str:
    """`--name=value` as a shell takes it, whatever blanks and brackets a path has."""
    return f"--{name}={shlex.quote(str(value))}"


def json_text(value: Any) -> str:
    """JSON that a person can read: short lists and objects in one line each."""
    return _json_lines(value, "", 0) + "\n"


def _json_lines(value: Any, indent: str, used: int) -> str:
    """The text of `value`, whose first line begins after `used` other characters."""
    line = json.dumps(value)
    is_flat = not isinstance(value, (dict, list, tuple)) or not value
    if is_flat or (len(indent) > 0 and len(line) + used < _JSON_WIDTH):
        return line
    inner, (begin, end) = indent + " ", "{}" if isinstance(value, dict) else "[]"
    if isinstance(value, dict):
        items = {f"{inner}{json.dumps(key)}: ": v for key, v in value.items()}
        parts = [key + _json_lines(v, inner, len(key)) for key, v in items.items()]
    elif all(isinstance(v, (int, float)) for v in value):
        parts = [_packed(value, inner)]
    else:
        parts = [inner + _json_lines(v, inner, len(inner)) for v in value]
    return f"{begin}\n" + ",\n".join(parts) + f"\n{indent}{end}"


def _packed(numbers: list[float], indent: str) -> str:
    """As many numbers a line as fit."""
    text, width = json.dumps(numbers)[1:-1], _JSON_WIDTH - len(indent)
    lines = textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False)
    return "\n".join(indent + line for line in lines)
