"""How a model predicts for scores and pictures."""

import dataclasses
from typing import Literal

from deeplab_dpc.settings import Config, ConfigError, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvalConfig(Config):
    """How a model predicts for scores and pictures.

    A run folder keeps it, so that `eval.py` and `vis.py` do what the run meant.
    """

    eval_split: str = setting("val", "Split to evaluate.")
    eval_batch_size: int = setting(1, "Images of one batch.", at_least=1)
    eval_crop_size: tuple[int, int] = setting(
        (513, 513), "Images are padded to at least this height and width.", at_least=1
    )
    eval_scales: tuple[float, ...] = setting(
        (1.0,), "Scales whose predictions are averaged.", above=0, repeatable=True
    )
    add_flipped_images: bool = setting(False, "Average with the flipped image, too.")
    sliding_window: tuple[int, int] | None = setting(
        None,
        "Height and width of windows that slide over the (scaled) image; the model "
        "sees one at a time. By default it sees the whole image.",
        at_least=1,
    )
    sliding_window_overlap: float = setting(
        1 / 3,
        "Share of a window's side that it has in common with the next one, at least; "
        "0 or more, below 1.",
        at_least=0,
        below=1,
    )
    boundary_f_tolerance: float | None = setting(
        None,
        "Score the outlines, too: how far off one may lie, below 1 as a share of the "
        "image's diagonal (0.0075 is usual), else in pixels.",
    )
    precision: Literal["float32", "bfloat16"] = setting(
        "float32",
        "Numbers that the network computes with. bfloat16 is faster on "
        "processors that have it (Xeons since 2023, AMD's since 2022), and changes "
        "less than one label in a hundred.",
        flag=False,  # Of these programs alone that only predict.
    )
    keep_best_checkpoint: bool | None = setting(
        None,
        "Keep the checkpoint of the highest mIoU in the folder `best`; by default if "
        "there are several evaluations.",
    )

    def _check(self) -> None:
        if self.boundary_f_tolerance is not None and self.boundary_f_tolerance <= 0:
            raise ConfigError(
                f"boundary_f_tolerance={self.boundary_f_tolerance}; it must be above "
                "0, such as 0.0075 of the image's diagonal, or 3 pixels."
            )
