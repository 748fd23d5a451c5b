"""Where records are, how images are resized, and how training changes them."""

import dataclasses

from deeplab_dpc.settings import Config, ConfigError, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataConfig(Config):
    """Where the records are and how images are resized before all else."""

    dataset: str | None = setting(
        None,
        "Name of a known data set, for a folder without a dataset.json (records "
        "that the original's converters wrote).",
    )
    dataset_dir: str | None = setting(
        None, "Folder with the TFRecord files and their dataset.json."
    )
    min_resize_value: int | None = setting(
        None, "Resize images so that the smaller side has this many pixels.", at_least=1
    )
    max_resize_value: int | None = setting(
        None, "The larger side has at most this many pixels after resizing.", at_least=1
    )
    resize_factor: int | None = setting(
        None, "Sides become multiples of this plus one after resizing.", at_least=1
    )
    keep_aspect_ratio: bool = setting(
        True, "Resizing keeps the ratio of the sides; else both get the same size."
    )
    skip_bad_records: bool = setting(
        False,
        "Check the records first (those of files that changed since they were "
        "converted) and leave out the bad ones; else a bad one is an error.",
    )

    def _check(self) -> None:
        if self.max_resize_value is not None and self.min_resize_value is None:
            raise ConfigError(
                f"max_resize_value={self.max_resize_value} needs --min_resize_value."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class AugmentConfig(Config):
    """How training changes images at random; the defaults are the original's."""

    min_scale_factor: float = setting(0.5, "Smallest random scale.")
    max_scale_factor: float = setting(2.0, "Largest random scale.")
    scale_factor_step_size: float = setting(
        0.25, "Step between random scales; 0 draws from the whole range.", at_least=0
    )
    random_flip: bool = setting(True, "Mirror half of the crops.")
    rotation_degrees: float = setting(
        0.0,
        "Turn half of the crops by up to so many degrees to either side; 0: none.",
        at_least=0,
        at_most=180,
    )
    photometric_distortion: bool = setting(
        False, "Change brightness, contrast, saturation and hue at random, too."
    )
    blur_sigma_px: float = setting(
        0.0,
        "Blur half of the crops by a Gaussian, whose standard deviation is at most so "
        "many pixels; 0: none.",
        at_least=0,
        at_most=50,
    )
    cutout_share: float = setting(
        0.0,
        "Cut a hole out of half of the crops, whose sides are this share of the "
        "crop's; its labels are ignored. 0: none.",
        at_least=0,
        below=1,
    )

    def _check(self) -> None:
        if not 0 < self.min_scale_factor <= self.max_scale_factor:
            raise ConfigError(
                f"min_scale_factor={self.min_scale_factor} and max_scale_factor="
                f"{self.max_scale_factor}; they need 0 < min <= max."
            )
