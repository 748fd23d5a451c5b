"""TensorFlow Serving's REST protocol.

https://www.tensorflow.org/tfx/serving/api_rest, whose replies are the JSON of the
protos `GetModelStatusResponse` and `GetModelMetadataResponse`.
"""

from collections.abc import Mapping
from typing import Any

from deeplab_dpc.formatting import clipped
from deeplab_dpc.serving import protocols, signatures
from deeplab_dpc.serving.protocols import Asked, bad
from deeplab_dpc.serving.signatures import Signature, Tensor

ROWS, COLUMNS = "instances", "inputs"


def read(body: bytes, known: Mapping[str, Signature]) -> Asked:
    """A request to predict: images in rows (`instances`) or in a column (`inputs`)."""
    value = protocols.parsed(body)
    name = value.get("signature_name") or signatures.DEFAULT
    if not isinstance(name, str) or name not in known:
        raise bad(
            f"signature_name {clipped(repr(name), 100)} is none of the model's: "
            f"{', '.join(known)}."
        )
    forms = [form for form in (ROWS, COLUMNS) if form in value]
    if len(forms) != 1:
        raise bad(
            f"The request has {' and '.join(forms) or 'no images'}; give either a list "
            f"of {ROWS}, or {COLUMNS}."
        )
    (form,), signature = forms, known[name]
    rows = _column(value[form], signature.input.name, form)
    if not isinstance(rows, list) or not rows:
        raise bad(f"{form} has no images; give a list of at least one.")
    if signature.input.dtype == "STRING":
        files = [_file(row, f"{form}[{i}]") for i, row in enumerate(rows)]
        return Asked(signature, files, form)
    if any(isinstance(row, dict) for row in rows):
        raise bad(
            f"{name} takes pixels, nested lists of numbers. For files in base64 pass "
            '"signature_name": "encoded".'
        )
    return Asked(signature, list(protocols.pixels(rows, form)), form)


def _column(value: Any, name: str, form: str) -> Any:
    """The values of the only input, which may be named in each row, or once."""
    if form == COLUMNS:
        is_named = isinstance(value, dict) and "b64" not in value
        return _named(value, name, form) if is_named else value
    if not isinstance(value, list):
        raise bad(f"{ROWS} is no list.")
    return [
        _named(row, name, f"{form}[{i}]")
        if isinstance(row, dict) and "b64" not in row
        else row
        for i, row in enumerate(value)
    ]


def _named(value: dict[str, Any], name: str, where: str) -> Any:
    if list(value) != [name]:
        found = clipped(", ".join(value), 100) or "nothing"
        raise bad(f"{where} names {found}; the only input is {name}.")
    return value[name]


def _file(row: Any, where: str) -> bytes:
    if not isinstance(row, dict) or list(row) != ["b64"]:
        raise bad(f'{where} is no file; give {{"b64": "..."}}, its bytes in base64.')
    return protocols.file(row["b64"], where)


def write(asked: Asked, values: protocols.Values) -> bytes:
    """The reply: rows to rows, a column to a column; a single output has no name."""
    columns: dict[str, Any] = {}
    for name, column in values.items():
        if name.endswith("_bytes"):
            columns[name] = [{"b64": protocols.base64_text(value)} for value in column]
        else:
            columns[name] = protocols.stacked(column, name)
    only = next(iter(columns.values())) if len(columns) == 1 else None
    if asked.form == COLUMNS:
        return protocols.json({"outputs": columns if only is None else only})
    rows = only
    if rows is None:
        rows = [dict(zip(columns, row)) for row in zip(*columns.values())]
    return protocols.json({"predictions": rows})


def status(version: str, state: str) -> dict[str, Any]:
    """A `GetModelStatusResponse`."""
    said = {"error_code": "OK", "error_message": ""}
    return {
        "model_version_status": [{"version": version, "state": state, "status": said}]
    }


def metadata(name: str, version: str, known: Mapping[str, Signature]) -> dict[str, Any]:
    """A `GetModelMetadataResponse`."""
    definitions = {
        signature.name: _definition(signature) for signature in known.values()
    }
    kind = "type.googleapis.com/tensorflow.serving.SignatureDefMap"
    return {
        "model_spec": {"name": name, "signature_name": "", "version": version},
        "metadata": {
            "signature_def": {"@type": kind, "signature_def": definitions},
        },
    }


def _definition(signature: Signature) -> dict[str, Any]:
    return {
        "inputs": {signature.input.name: _tensor(signature.input)},
        "outputs": {tensor.name: _tensor(tensor) for tensor in signature.outputs},
        "method_name": "tensorflow/serving/predict",
    }


def _tensor(tensor: Tensor) -> dict[str, Any]:
    sizes = [{"size": str(size), "name": ""} for size in tensor.shape]
    return {
        "dtype": f"DT_{tensor.dtype}",
        "tensor_shape": {"dim": sizes, "unknown_rank": False},
        "name": tensor.name,
    }
