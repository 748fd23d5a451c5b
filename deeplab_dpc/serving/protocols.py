"""Requests as images, and replies as JSON: what the two protocols have in common.

`tensorflow_serving.py` and `open_inference.py` beside it read and write the rest.
"""

import base64
import binascii
import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from deeplab_dpc.formatting import clipped
from deeplab_dpc.serving.errors import RequestError
from deeplab_dpc.serving.signatures import Signature

MOST_NUMBERS = 8_000_000
"""Of a reply: about 90 MB of JSON."""

Image = np.ndarray | bytes  # `[height, width, 3]` uint8, or a file.
Values = Mapping[str, Sequence[Any]]
"""By the name of an output what each image has there: an array, or bytes."""


@dataclasses.dataclass(frozen=True)
class Asked:
    """A request."""

    signature: Signature
    images: Sequence[Image]
    form: str = ""  # How the reply is written.
    id: str | None = None


def bad(text: str) -> RequestError:
    """What a client did wrong."""
    return RequestError(400, text)


def parsed(body: bytes) -> dict[str, Any]:
    """A body's JSON object."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as e:
        raise bad(f"The body is no JSON ({clipped(str(e), 200)}).") from e
    if not isinstance(value, dict):
        raise bad("The body's JSON is no object; it begins with {.")
    return value


def json(value: Any) -> bytes:
    """The JSON of a reply; arrays are lists in it."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


def pixels(value: Any, name: str, shape: Sequence[int] | None = None) -> np.ndarray:
    """Images `[batch, height, width, 3]` uint8 of nested lists, or of flat ones of a
    shape.
    """
    try:
        array = np.array(value, np.float64)  # Of true and "12", too.
        for _ in range(array.ndim - 1):
            value = itertools.chain.from_iterable(value)
        others = set(map(type, value)) - {int, float}
        array = array if shape is None else array.reshape(shape)
    except (ValueError, TypeError, OverflowError) as e:
        said = clipped(str(e), 200)
        raise bad(
            f"{name} is no array of numbers ({said}); images in one request have one "
            "size. Files of any sizes go to `encoded`."
        ) from e
    if array.ndim != 4 or array.shape[-1] != 3 or not array.size:
        raise bad(
            f"{name} has the shape {list(array.shape)}; images are [batch, height, "
            "width, 3], red, green, blue."
        )
    if others:
        raise bad(
            f"{name} has {_kind(others.pop())} where numbers from 0 to 255 belong."
        )
    if not np.all((array >= 0) & (array <= 255) & (array == np.floor(array))):
        raise bad(f"{name} has numbers that are no integers from 0 to 255.")
    return array.astype(np.uint8)


def file(text: Any, name: str) -> bytes:
    """The bytes of a file, given as base64."""
    if not isinstance(text, str):
        raise bad(f"{name} is no text of base64, but {_kind(type(text))}.")
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as e:
        raise bad(f"{name} is no base64 ({clipped(str(e), 200)}).") from e
    if not found:
        raise bad(f"{name} is empty: it has 0 bytes.")
    return found


def base64_text(content: bytes) -> str:
    """Bytes as JSON can hold them."""
    return base64.b64encode(content).decode("ascii")


def stacked(values: Sequence[Any], name: str) -> np.ndarray:
    """An output of images of one size, which a reply can hold."""
    count = len(values) * math.prod(values[0].shape)
    if count > MOST_NUMBERS:
        raise bad(
            f"{name} would be {count:,} numbers, more than the {MOST_NUMBERS:,} that a "
            "reply may have. Ask for fewer or smaller images, or for labels alone, "
            "which `encoded` gives as PNG."
        )
    return np.stack(values)


def _kind(kind: type) -> str:
    """A JSON value's type, as people call it."""
    names = {dict: "an object", list: "a list", type(None): "null", bool: "a boolean"}
    return {**names, str: "a text"}.get(kind, "a number")
