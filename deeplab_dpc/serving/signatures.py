"""The signatures of a model, as `export.saved_model.save` gives them to an export."""

from typing import NamedTuple

from deeplab_dpc.export.runtimes import LABELS, PROBABILITIES


class Tensor(NamedTuple):
    """An input or output; `-1` in its shape is any size."""

    name: str
    dtype: str  # In TensorFlow's protos, without the DT_.
    datatype: str  # In the open inference protocol.
    shape: tuple[int, ...]


class Signature(NamedTuple):
    """What is asked for by one name."""

    name: str
    input: Tensor
    outputs: tuple[Tensor, ...]


DEFAULT = "serving_default"


def of(num_classes: int) -> dict[str, Signature]:
    """The signatures of a model with so many classes, by name."""
    pixels = Tensor("images", "UINT8", "UINT8", (-1, -1, -1, 3))
    files = Tensor("image", "STRING", "BYTES", (-1,))
    labels = Tensor(LABELS, "UINT8", "UINT8", (-1, -1, -1))
    shape = (-1, -1, -1, num_classes)
    probabilities = Tensor(PROBABILITIES, "FLOAT", "FP32", shape)
    png = Tensor("labels_png_bytes", "STRING", "BYTES", (-1,))
    known = (
        Signature(DEFAULT, pixels, (labels,)),
        Signature("probabilities", pixels, (labels, probabilities)),
        Signature("encoded", files, (png,)),
    )
    return {signature.name: signature for signature in known}
