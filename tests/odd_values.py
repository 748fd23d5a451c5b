"""What people may have made of a file: JSON with odd values, text with odd pieces."""

import copy

ODD = (None, True, -1, 0, 7, 1.0, 1.5, 3.0, 1e400, 10**30, 10**400, "", "conv", [], {})
ODD += ("x" * 5000, {"y" * 5000: 1}, {"a": [1]}, [1] * 5000, [[]] * 5000, [[1]])
ODD += ([1, 1], [3, 3], [True, True], [3.0, 3])
BYTES = (b"", b"\xff\xfe", b"\0", b"\xe9", b"[" * 2000, b"9" * 5000, b",", b"\n")


def change_json(rng, value) -> None:
    """Gives JSON's lists and objects one value, at any depth, that is another one, gone,
    or misnamed.
    """
    while isinstance(value, (dict, list)) and value:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key = rng.choice(keys)
        if rng.random() < 0.3 or not isinstance(value[key], (dict, list)):
            change = rng.random()
            old = value.pop(key) if change < 0.3 else value[key]
            if change >= 0.3:
                value[key] = copy.deepcopy(rng.choice(ODD))
            elif change < 0.15 and isinstance(value, dict):
                value[f"{key}x" * rng.choice((1, 500))] = old
            return
        value = value[key]


def changed(rng, content, pieces=BYTES):
    """Text or bytes with an odd piece at some place, in place of a few characters."""
    at = rng.randrange(len(content))
    return content[:at] + rng.choice(pieces) + content[at + rng.randrange(9) :]
