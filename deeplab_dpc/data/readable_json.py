"""JSON that a person can read: what fits into a line is in one line."""

import json
import os
import pathlib
from typing import Any

_WIDTH = 100


def to_text(value: Any) -> str:
    """`value` as JSON text; short lists and objects in one line, long ones in more."""
    return _lines(value, "", 0) + "\n"


def save(path: pathlib.Path, value: Any) -> None:
    """Writes a JSON file, whole or not at all, and through to the disk."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "w") as file:
            file.write(to_text(value))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _lines(value: Any, indent: str, used: int) -> str:
    """The text of `value`, whose first line begins after `used` other characters."""
    line = json.dumps(value)
    is_flat = not isinstance(value, (dict, list, tuple)) or not value
    if is_flat or (len(indent) > 0 and len(line) + used < _WIDTH):
        return line
    inner = indent + " "
    if isinstance(value, dict):
        keys = [f"{inner}{json.dumps(key)}: " for key in value]
        parts = [k + _lines(v, inner, len(k)) for k, v in zip(keys, value.values())]
        return "{\n" + ",\n".join(parts) + f"\n{indent}}}"
    if all(isinstance(v, (int, float)) for v in value):
        return "[\n" + _packed(value, inner) + f"\n{indent}]"
    parts = [inner + _lines(v, inner, len(inner)) for v in value]
    return "[\n" + ",\n".join(parts) + f"\n{indent}]"


def _packed(numbers: list[float], indent: str) -> str:
    """As many numbers a line as fit."""
    lines = [indent]
    for i, number in enumerate(numbers):
        text = json.dumps(number) + ("," if i < len(numbers) - 1 else "")
        if len(lines[-1]) + len(text) + 1 > _WIDTH:
            lines[-1] = lines[-1].rstrip()
            lines.append(indent)
        lines[-1] += text + " "
    return "\n".join([*lines[:-1], lines[-1].rstrip()])
