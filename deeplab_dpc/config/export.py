"""What an exported model does around the network."""

import dataclasses

from deeplab_dpc.settings import Config, setting

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
