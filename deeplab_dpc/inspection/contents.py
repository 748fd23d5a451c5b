"""What a folder of records holds: read, counted, and compared with its dataset.json."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from deeplab_dpc import formatting
from deeplab_dpc.data import labels, records
from deeplab_dpc.data.dataset_info import FILE_NAME, DatasetError, DatasetInfo
from deeplab_dpc.data.manifest import Manifest
from deeplab_dpc.data.statistics import SplitStatistics, Tally


@dataclasses.dataclass(frozen=True)
class Decoded:
    """A record's content."""

    name: str
    image: np.ndarray  # `[height, width, 3]` uint8.
    label: np.ndarray | None  # `[height, width]` uint8.


def read(index: records.RecordIndex, number: int) -> Decoded:
    """Reads and decodes one record; `DatasetError` if it is damaged, or its label has
    another size than its image.
    """
    path, offset = index.place(number)
    try:
        parsed = records.parse(tf.constant(index.read(number)))
        image = records.decode_image(parsed["image"]).numpy()
        label = None
        if parsed["label"] != b"":
            encoded, stated = (parsed[k].numpy() for k in ("label", "label_format"))
            label = labels.ids(encoded, stated)[..., 0]
    except records.DamagedError:
        raise
    except DatasetError as e:
        raise _unusable(path, offset, str(e).rstrip(".")) from e
    except (tf.errors.OpError, UnicodeDecodeError) as e:
        raise _unusable(path, offset, "it cannot be decoded") from e
    if label is not None and label.shape != image.shape[:2]:
        sizes = ["x".join(map(str, x.shape[:2])) for x in (image, label)]
        reason = f"its image is {sizes[0]} (height x width), its label {sizes[1]}"
        raise _unusable(path, offset, reason)
    return Decoded(parsed["name"].numpy().decode(errors="replace"), image, label)


def read_all(
    index: records.RecordIndex, numbers: Iterable[int] | None = None
) -> Iterator[tuple[int, Decoded]]:
    """Some records (all by default) with their numbers; several are decoded at once."""
    numbers = range(len(index)) if numbers is None else numbers
    return records.in_order(lambda number: (number, read(index, number)), numbers)


def count(
    info: DatasetInfo,
    index: records.RecordIndex,
    step: Callable[[], None] = lambda: None,
) -> SplitStatistics:
    """Figures of a split that nobody has counted yet; `step` hears of each record."""
    tally = Tally(info.num_classes, info.ignore_label)
    for number, record in read_all(index):
        try:
            tally.add(record.image, record.label)
        except DatasetError as e:
            raise _unusable(*index.place(number), str(e)) from e
        step()
    return tally.figures()


def evenly_spaced(total: int, wanted: int) -> list[int]:
    """At most `wanted` of the numbers `0..total - 1`, first and last among them."""
    spaced = np.linspace(0, total - 1, min(wanted, total)).round()
    return np.unique(spaced).astype(int).tolist()


def file_problems(
    manifest: Manifest,
    shards: Mapping[str, Sequence[pathlib.Path]],
    with_checksums: bool = False,
    step: Callable[[], None] = lambda: None,
) -> list[str]:
    """A line, beginning with the file's name, for each that `dataset.json` has
    otherwise.

    Of records that another program wrote it says nothing; splits without files do not
    count. Each file is read, too, if its checksum is to be compared.
    """
    if not manifest.shards:
        return []
    there = {path.name: path for paths in shards.values() for path in paths}
    expected = [n for n in manifest.shards if n.rsplit("-", 3)[0] in shards]
    lines = [f"{name}: is missing" for name in expected if name not in there]
    for name, path in there.items():
        stated = manifest.shards.get(name)
        if stated is None:
            lines.append(f"{path}: {FILE_NAME} does not know this file")
        elif path.stat().st_size != stated.num_bytes:
            lines.append(
                f"{path}: has {path.stat().st_size:,} bytes, but {FILE_NAME} says "
                f"{stated.num_bytes:,}"
            )
        elif with_checksums and records.file_checksum(path)[1] != stated.crc32c:
            lines.append(f"{path}: its bytes do not match the checksum in {FILE_NAME}")
        step()
    return lines


def count_problems(
    info: DatasetInfo, shards: Mapping[str, Sequence[pathlib.Path]]
) -> list[str]:
    """Splits with another number of records than `dataset.json` says, a line each."""
    lines = []
    for split, paths in shards.items():
        found = len(records.index_records(paths, skip_damage=True))
        stated = info.split_sizes.get(split, 0)
        if found != stated:
            lines.append(
                f"{split}: its files have {formatting.count(found, 'record')}, but "
                f"{FILE_NAME} says {formatting.count(stated, 'image')}"
            )
    return lines


def _unusable(path: pathlib.Path, offset: int, reason: str) -> DatasetError:
    return DatasetError(
        f"{records.UNUSABLE} at byte {offset} of {path}: {reason}. --verify lists all "
        "bad records; convert the data set again, or train with --skip_bad_records."
    )
