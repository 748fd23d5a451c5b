"""The open inference protocol (KServe's v2), over REST.

https://github.com/kserve/open-inference-protocol. It has no signatures: the input's
name says what is sent, the outputs' names what is wanted. Files are texts of base64.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from deeplab_dpc.formatting import clipped
from deeplab_dpc.serving import protocols
from deeplab_dpc.serving.protocols import Asked, bad
from deeplab_dpc.serving.signatures import Signature, Tensor


def read(body: bytes, known: Mapping[str, Signature]) -> Asked:
    """A request to infer."""
    value = protocols.parsed(body)
    given = value.get("inputs")
    if not isinstance(given, list) or len(given) != 1 or not isinstance(given[0], dict):
        raise bad("`inputs` is a list of one input: images, or image (files).")
    tensor = given[0]
    name, shape = tensor.get("name"), _shape(tensor.get("shape"))
    fitting = [s for s in known.values() if s.input.name == name]
    if not fitting:
        legal = " or ".join(sorted({s.input.name for s in known.values()}))
        raise bad(f"The input {clipped(repr(name), 100)} is not known; it is {legal}.")
    expected = fitting[0].input
    if tensor.get("datatype") != expected.datatype:
        raise bad(
            f"{name} has the datatype {clipped(repr(tensor.get('datatype')), 100)}; it "
            f"is {expected.datatype}."
        )
    if len(shape) != len(expected.shape):
        raise bad(f"{name} needs a shape such as {list(expected.shape)}.")
    signature = _giving(_wanted(value.get("outputs")), fitting)
    images = _images(tensor.get("data"), shape, expected)
    id = value.get("id")
    return Asked(signature, images, id=id if isinstance(id, str) else None)


def _shape(given: Any) -> list[int]:
    """A shape; empty if it is none."""
    sizes = given if isinstance(given, list) else []
    return sizes if all(type(n) is int and 0 < n < 2**31 for n in sizes) else []


def _wanted(outputs: Any) -> list[Any]:
    """The names of the outputs that are asked for; empty: any."""
    outputs = [] if outputs is None else outputs
    if not isinstance(outputs, list) or not all(isinstance(o, dict) for o in outputs):
        raise bad('`outputs` is a list of objects such as {"name": "..."}.')
    return [output.get("name") for output in outputs]


def _giving(wanted: list[Any], fitting: list[Signature]) -> Signature:
    """The first signature that has these outputs, and these outputs alone."""
    for signature in fitting:
        outputs = {tensor.name: tensor for tensor in signature.outputs}
        if all(isinstance(name, str) and name in outputs for name in wanted):
            chosen = tuple(outputs[name] for name in wanted) or signature.outputs
            return signature._replace(outputs=chosen)
    legal = ", ".join(tensor.name for tensor in fitting[-1].outputs)
    raise bad(f"The outputs {clipped(repr(wanted), 100)} are not all of {legal}.")


def _images(data: Any, shape: list[int], tensor: Tensor) -> list[protocols.Image]:
    if tensor.datatype == "UINT8":
        return list(protocols.pixels(data, tensor.name, shape))
    if not isinstance(data, list) or len(data) != shape[0]:
        raise bad(f"The data of {tensor.name} are no list of {shape[0]:,} texts.")
    return [protocols.file(x, f"{tensor.name}[{i}]") for i, x in enumerate(data)]


def write(asked: Asked, values: protocols.Values, name: str, version: str) -> bytes:
    """The reply; data are flat lists."""
    tensors = {tensor.name: tensor for tensor in asked.signature.outputs}
    outputs = [_output(tensors[key], column) for key, column in values.items()]
    reply = {"model_name": name, "model_version": version, "outputs": outputs}
    return protocols.json(reply if asked.id is None else {"id": asked.id, **reply})


def _output(tensor: Tensor, column: Any) -> dict[str, Any]:
    said = {"name": tensor.name, "datatype": tensor.datatype}
    if tensor.datatype == "BYTES":
        texts = list(map(protocols.base64_text, column))
        kind = {"content_type": "base64"}
        return {**said, "shape": [len(texts)], "parameters": kind, "data": texts}
    array = protocols.stacked(column, tensor.name)
    return {**said, "shape": list(array.shape), "data": np.ravel(array)}


def metadata(name: str, version: str, known: Mapping[str, Signature]) -> dict[str, Any]:
    """What a model takes, one of its inputs at a time, and gives."""
    inputs = {s.input.name: s.input for s in known.values()}
    outputs = {t.name: t for s in known.values() for t in s.outputs}
    return {
        "name": name,
        "versions": [version],
        "platform": "deeplab_dpc",
        "inputs": list(map(_described, inputs.values())),
        "outputs": list(map(_described, outputs.values())),
    }


def _described(tensor: Tensor) -> dict[str, Any]:
    return {
        "name": tensor.name,
        "datatype": tensor.datatype,
        "shape": list(tensor.shape),
    }
