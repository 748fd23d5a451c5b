"""Predictions as the benchmarks' servers, and their own scripts, want them."""

import pathlib
import re
import zipfile
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from cityscapesscripts.helpers.labels import trainId2label
from PIL import Image

from deeplab_dpc import files
from deeplab_dpc.data import colormaps
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.formatting import count

_IMAGE_ENDING = re.compile(r"\.(jpe?g|png)$", re.IGNORECASE)


class SubmissionError(ValueError):
    """A prediction that no server would take."""


class Layout(NamedTuple):
    """How one benchmark wants its files."""

    names: re.Pattern  # Of its images, in the records; a file has the group of it.
    wanted: str  # What is said of an image with another name.
    file: str  # Below the folder.
    encode: Callable[[np.ndarray], Image.Image]  # Of `[height, width]` class ids.

    def path(self, name: str) -> str:
        """The file of an image, by its name in the records, below the folder;
        `SubmissionError` if it is no name of the benchmark's.
        """
        base = _IMAGE_ENDING.sub("", name.replace("\\", "/").rpartition("/")[2])
        if not (found := self.names.fullmatch(base)):
            raise SubmissionError(f"Image {name!r} is none of {self.wanted}")
        return self.file.format(found[1])


def cityscapes() -> Layout:
    """`<city>_<sequence>_<frame>_pred_labelIds.png`: label ids, not train ids.

    https://www.cityscapes-dataset.com/submit and the comment at `getPrediction` in
    cityscapesscripts' evalPixelLevelSemanticLabeling.py: a file is found by the three
    parts that its name begins with, in any folder, and there may be only one.
    """
    return Layout(
        re.compile(r"([a-zA-Z-]+_\d{6}_\d{6})(?:_leftImg8bit)?"),
        "Cityscapes': its name must begin with city, sequence and frame, as in "
        "frankfurt_000001_030310_leftImg8bit.",
        "{}_pred_labelIds.png",
        lambda prediction: Image.fromarray(cityscapes_label_ids(prediction)),
    )


def pascal_voc(split: str) -> Layout:
    """`results/VOC2012/Segmentation/comp6_<split>_cls/<image>.png` with VOC's palette.

    The development kit's `VOCopts.seg.clsrespath`; the servers' split is `test`. comp6
    is for methods that used more than VOC's own data, such as a backbone from ImageNet;
    comp5 is for the others.
    """

    def encode(prediction: np.ndarray) -> Image.Image:
        image = Image.fromarray(prediction.astype(np.uint8))
        image.putpalette(colormaps.pascal(256).astype(np.uint8).tobytes())
        return image

    return Layout(
        re.compile(r"(\d{4}_\d{6})"),
        "PASCAL VOC's: it must be called a year and a number, as in 2008_000123.",
        f"results/VOC2012/Segmentation/comp6_{split}_cls/{{}}.png",
        encode,
    )


def cityscapes_label_ids(train_ids: np.ndarray) -> np.ndarray:
    """Cityscapes' label ids of train ids 0..18: road is 7, bicycle 33; uint8.
    `SubmissionError` if a value is no train id. (The ignored 255 as a prediction
    crashes cityscapesscripts.)
    """
    table = np.array([trainId2label[i].id for i in range(19)], np.uint8)
    train_ids = np.asarray(train_ids)
    wrong = train_ids[(train_ids < 0) | (train_ids >= len(table))]
    if wrong.size:
        raise SubmissionError(
            f"{count(wrong.size, 'pixel')} predicted as {wrong[0]} and the like; "
            f"Cityscapes' train ids are 0..{len(table) - 1}."
        )
    return table[train_ids]


def layout(info: DatasetInfo, split: str) -> Layout | None:
    """How predictions for a data set are handed in; None if nothing is known.
    `SubmissionError` if it has a benchmark's name but not its classes.
    """
    known: dict[str, tuple[int, Layout]] = {
        "cityscapes": (19, cityscapes()),
        "pascal_voc_seg": (21, pascal_voc(split)),
    }
    if info.name not in known:
        return None
    num_classes, found = known[info.name]
    if info.num_classes != num_classes:
        raise SubmissionError(
            f"The data set {info.name} here has {count(info.num_classes, 'class')}, "
            f"but the benchmark has {num_classes}; its records are not the benchmark's."
        )
    return found


def fits(layout: Layout, names: Iterable[str]) -> bool:
    """Whether all images have names of the benchmark's."""
    try:
        return bool([layout.path(name) for name in names])
    except SubmissionError:
        return False


class Submission:
    """A folder of predictions, and at the end a zip file of it to hand in."""

    def __init__(self, folder: pathlib.Path, layout: Layout):
        self._folder, self._layout = folder, layout
        self._written: dict[str, None] = {}

    def add(self, name: str, prediction: np.ndarray) -> None:
        """Writes the prediction of one image, `[height, width]` class ids at its own
        size. `SubmissionError` if the name or a class is not the benchmark's, or there
        is a prediction of this name already.
        """
        relative = self._layout.path(name)
        if relative in self._written:
            raise SubmissionError(f"There are two images named {name!r}; keep one.")
        path = self._folder / relative
        files.made_folder(path.parent)
        with files.atomically(path) as new:
            self._layout.encode(np.asarray(prediction)).save(new, "PNG")
        self._written[relative] = None

    def close(self) -> pathlib.Path:
        """Writes `<folder>.zip` with all files that were added; gives its path."""
        path = self._folder.with_name(f"{self._folder.name}.zip")
        with (
            files.atomically(path) as new,
            zipfile.ZipFile(new, "w", zipfile.ZIP_STORED) as archive,
        ):
            for relative in self._written:
                archive.write(self._folder / relative, relative)
        return path
