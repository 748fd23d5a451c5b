"""Where records are and how images are resized."""

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
