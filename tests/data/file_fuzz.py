"""Damages image and label files by the hundred and converts them.

python -m tests.data.file_fuzz FIRST COUNT    prints one JSON object a case
"""

import dataclasses
import pathlib
import tempfile
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
from PIL import Image

from deeplab_dpc.conversion import sources
from deeplab_dpc.conversion.labels import reading
from deeplab_dpc.data import labels, records
from tests.data import fuzzing, mutations
from tests.data.fuzzing import Outcome

SIZE = (40, 56)
IMAGES = {
    "image.jpg": ("JPEG", {"quality": 90}),
    "progressive.jpg": ("JPEG", {"progressive": True}),
    "restart.jpg": ("JPEG", {"restart_marker_blocks": 4}),
    "image.png": ("PNG", {}),
    "grey.png": ("PNG", {}),
    "palette.png": ("PNG", {}),
}
LABELS = ("ids.png", "indexed.png", "small.png")
MUTATIONS = (*mutations.FILE, mutations.jpeg_size)


@dataclasses.dataclass(frozen=True)
class Files:
    """Undamaged files, their pixels as training sees them, and the labels' ids."""

    content: dict[str, bytes]
    pixels: dict[str, np.ndarray]
    ids: np.ndarray


def make_files() -> Files:
    """One file of each kind."""
    random = np.random.default_rng(2)
    image = Image.fromarray(fuzzing.picture(random, SIZE))
    looks = {"grey.png": image.convert("L"), "palette.png": image.quantize(64)}
    content = {
        name: fuzzing.encoded(looks.get(name, image), format, **options)
        for name, (format, options) in IMAGES.items()
    }
    pixels = {
        name: records.decode_image(tf.constant(data)).numpy()
        for name, data in content.items()
    }
    ids = random.choice(np.array([0, 1, 2, 255], np.uint8), (5, 7))
    ids = ids.repeat(8, axis=0).repeat(8, axis=1)
    indexed = Image.fromarray(ids, "P")
    indexed.putpalette(random.bytes(768))
    content["ids.png"] = records.encode_png(ids)
    content["indexed.png"] = fuzzing.encoded(indexed, "PNG")
    content["small.png"] = fuzzing.encoded(ids, "PNG", compress_level=0)
    return Files(content, pixels, ids)


def damaged(case: int, files: Files, folder: pathlib.Path) -> tuple[sources.Item, str]:
    """The files of a case, one of them damaged, and how."""
    random = np.random.default_rng((2, case))
    image = tuple(IMAGES)[int(random.integers(len(IMAGES)))]
    label = LABELS[int(random.integers(len(LABELS)))]
    victim = (image, label)[case % 2]
    how = MUTATIONS[case // 2 % len(MUTATIONS)]
    for name in (image, label):
        (folder / name).write_bytes(files.content[name])
    (folder / victim).write_bytes(how(files.content[victim], random))
    item = sources.Item("street", folder / image, folder / label)
    return item, f"{how.__name__} of {victim}"


def judged(
    case: int, item: sources.Item, how: str, files: Files, folder: pathlib.Path
) -> Outcome:
    """Converts the files of a case."""
    victim = folder / how.rpartition(" ")[2]
    colors = ((1, 2, 3), (4, 5, 6), (7, 8, 9))
    source = sources.Source("fuzz", ("a", "b", "c"), colors, {}, reading.Ids(3))
    made: list[records.Record] = []
    error = fuzzing.told(lambda: made.append(sources.read(item, source)[0]))
    if error:
        is_named = str(victim) in error
        return Outcome(case, how, "refused" if is_named else "WRONG", error)
    (record,) = made
    ids = labels.decode(tf.constant(record.label)).numpy()[..., 0]
    if not np.array_equal(ids, files.ids):
        return Outcome(case, how, "WRONG", "the label changed in silence")
    pixels = records.decode_image(tf.constant(record.image)).numpy()
    if pixels.shape[:2] != ids.shape or record.size != ids.shape:
        return Outcome(case, how, "WRONG", f"the image has the size {pixels.shape}")
    if not np.array_equal(pixels, files.pixels[item.image.name]):
        result = "harmless" if item.image.suffix == ".jpg" else "WRONG"
        return Outcome(case, how, result, "the image's pixels changed")
    return Outcome(case, how, "harmless")


def run(first: int, count: int) -> Iterator[Outcome]:
    """The outcomes of these cases."""
    files = make_files()
    for case in range(first, first + count):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder)
            item, how = damaged(case, files, path)
            try:
                yield judged(case, item, how, files, path)
            except Exception as e:
                yield Outcome(case, how, "WRONG", f"{type(e).__name__}: {e}"[:500])


if __name__ == "__main__":
    fuzzing.main(run)
