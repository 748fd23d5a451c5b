"""All of `dataset.json`: the facts, the figures, the files and what was left out."""

import dataclasses
import os
import pathlib
import re
from collections.abc import Mapping
from typing import Any, Self

from deeplab_dpc import files
from deeplab_dpc.data import DatasetError
from deeplab_dpc.data.dataset_info import FILE_NAME, DatasetInfo, load_file, whole
from deeplab_dpc.data.statistics import SplitStatistics
from deeplab_dpc.formatting import clipped


@dataclasses.dataclass(frozen=True)
class Shard:
    """A record file as it was written."""

    num_records: int
    num_bytes: int
    crc32c: str  # Checksum of all its bytes, 8 hexadecimal digits.

    def __post_init__(self):
        whole(self.num_records), whole(self.num_bytes)
        if not re.fullmatch("[0-9a-f]{8}", str(self.crc32c)):
            raise ValueError(
                f"{clipped(repr(self.crc32c), 40)} is not 8 hexadecimal digits"
            )


@dataclasses.dataclass(frozen=True)
class Skipped:
    """An image that was left out, and what was wrong with it."""

    name: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Shared:
    """Images that should be different ones."""

    # `image`: the files are equal, byte for byte; `name`: only the names are.
    same: str
    where: tuple[tuple[str, str], ...]  # Split and name of each.


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What a folder of records holds; `dataset.json` keeps it.

    Records that another program wrote have only `info`.
    """

    info: DatasetInfo  # What the programs need.
    # By split.
    statistics: Mapping[str, SplitStatistics] = dataclasses.field(default_factory=dict)
    # By file name.
    shards: Mapping[str, Shard] = dataclasses.field(default_factory=dict)
    # By split, what `--skip_bad` left out.
    skipped: Mapping[str, tuple[Skipped, ...]] = dataclasses.field(default_factory=dict)
    # Images that occur twice, in one split or in two that should have none in common.
    shared_images: tuple[Shared, ...] = ()

    def __post_init__(self):
        for split, figures in self.statistics.items():
            lengths = {
                len(figures.class_pixels),
                len(figures.pixels_where_present),
                len(figures.images_where_present),
            }
            if lengths != {self.info.num_classes}:
                raise DatasetError(
                    f"The statistics of {clipped(repr(split), 50)} are of "
                    f"{sorted(lengths)} classes; the data set has "
                    f"{self.info.num_classes}."
                )

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON types."""
        values = dataclasses.asdict(self)
        del values["info"]
        return self.info.to_dict() | values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Reads what `to_dict` gave; all but the facts may be missing. `DatasetError`
        for anything unknown or of the wrong type.
        """
        info = DatasetInfo.from_dict(values)
        try:
            return cls(
                info,
                {
                    split: SplitStatistics.from_dict(figures)
                    for split, figures in values.get("statistics", {}).items()
                },
                {k: Shard(**s) for k, s in values.get("shards", {}).items()},
                {
                    split: tuple(Skipped(**s) for s in left_out)
                    for split, left_out in values.get("skipped", {}).items()
                },
                tuple(
                    Shared(
                        str(s["same"]), tuple((str(a), str(b)) for a, b in s["where"])
                    )
                    for s in values.get("shared_images", [])
                ),
            )
        except DatasetError:
            raise
        except (AttributeError, KeyError, TypeError, ValueError) as e:
            raise DatasetError(
                f"Statistics, shards, skipped or shared images cannot be read "
                f"({type(e).__name__}: {e})."
            ) from e

    def save(self, folder: str | os.PathLike[str]) -> pathlib.Path:
        """Writes `dataset.json` into `folder`, whole or not at all; gives its path."""
        path = pathlib.Path(folder) / FILE_NAME
        files.write_json(path, self.to_dict())
        return path

    @classmethod
    def load(
        cls, dataset_dir: str | os.PathLike[str], dataset: str | None = None
    ) -> Self:
        """What a folder of records holds, with or without a `dataset.json`; see
        `DatasetInfo.load`.
        """
        found = load_file(pathlib.Path(dataset_dir), dataset, cls.from_dict)
        return found or cls(DatasetInfo.load(dataset_dir, dataset))


def statistics_of(
    folder: str | os.PathLike[str], split: str, flag: str, instead: str
) -> SplitStatistics:
    """The figures of a split that `flag` needs. `DatasetError` if nobody counted them,
    which says what to do `instead` of converting the data set.
    """
    path = pathlib.Path(folder, FILE_NAME)
    if not path.is_file():
        raise DatasetError(
            f"{flag} needs the counts in {FILE_NAME}, and {path.parent} has none: "
            f"convert the data set with one of datasets/build_*.py, or {instead}"
        )
    counted = Manifest.load(folder).statistics
    if split not in counted:
        raise DatasetError(
            f"{flag}: {path} has no counts of split {split!r} (counted: "
            f"{', '.join(counted) or 'none'}). Convert the data set again, or {instead}"
        )
    return counted[split]
