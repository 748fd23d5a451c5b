"""What an exported model does around the network."""

import dataclasses
from typing import Literal, get_args

from deeplab_dpc.settings import Config, ConfigError, setting

Format = Literal["saved_model", "onnx", "litert", "openvino", "keras"]
FORMATS = get_args(Format)
QUANTIZED = {
    "dynamic": "litert",
    "int8": "litert",
    "f16": "openvino",
    "bf16": "openvino",
}
"""The format that each way of quantizing is of."""

MAX_MEGAPIXELS = 25.0
"""What a photo may have: a model at output stride 16 takes 0.3 GB a megapixel."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportConfig(Config):
    """What an exported model does around the network."""

    crop_size: tuple[int, int] | None = setting(
        None,
        "Pad images with grey to at least this height and width first (the original "
        "padded to 513,513); by default nothing is padded.",
        at_least=1,
    )
    inference_scales: tuple[float, ...] = setting(
        (1.0,), "Scales whose predictions are averaged."
    )
    add_flipped_images: bool = setting(False, "Average with the flipped image, too.")
    max_megapixels: float = setting(
        MAX_MEGAPIXELS,
        "`encoded` refuses images with more pixels than so many millions.",
        at_least=0.001,
    )
    format: tuple[str, ...] = setting(
        ("saved_model",), f"Formats to write, of {', '.join(FORMATS)}."
    )
    image_size: tuple[int, int] | None = setting(
        None,
        "Height and width of the images that the formats other than saved_model take; "
        "by default the run's eval_crop_size.",
        at_least=1,
    )
    dynamic_size: bool = setting(
        False, "They take images of any size, in batches, and are slower."
    )
    with_probabilities: bool = setting(
        False, "They give the probabilities, too, which takes time."
    )
    quantize: Literal["none", "dynamic", "int8", "f16", "bf16"] = setting(
        "none",
        "litert: `dynamic` has weights of 8 bits, `int8` computes with 8 bits; "
        "openvino: `f16` has weights of 16 bits, `bf16` computes with 16 bits.",
    )
    calibration_split: str = setting(
        "train", "`int8` takes its ranges from 64 images of this split."
    )
    image_dir: str | None = setting(
        None,
        "A folder of photos to check the formats on, and to calibrate with, instead of "
        "the run's data.",
    )
    allow_disagreement: bool = setting(
        False, "Write a format that gives other labels than TensorFlow, too."
    )

    def _check(self) -> None:
        if unknown := [name for name in self.format if name not in FORMATS]:
            raise ConfigError(
                f"format={unknown[0]!r}; formats are {', '.join(FORMATS)}, with commas "
                "between them."
            )
        needed = QUANTIZED.get(self.quantize)
        if needed and needed not in self.format:
            raise ConfigError(
                f"quantize={self.quantize} is of {needed}, but format="
                f"{','.join(self.format)}; add it, such as --format={needed}."
            )
        if self.dynamic_size and self.image_size is not None:
            raise ConfigError(
                f"image_size={self.image_size} and dynamic_size exclude each other."
            )
