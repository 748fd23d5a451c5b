"""Labels in MATLAB files: the augmented PASCAL VOC (SBD) and PASCAL-Part."""

import dataclasses
import pathlib

import numpy as np

from deeplab_dpc.conversion.labels import reading
from deeplab_dpc.conversion.labels.files import LabelError

# PASCAL-Part's 24 parts of a person by the classes 1..6 of PASCAL-Person-Part: hands
# belong to lower arms, feet to lower legs, the neck to the torso (Chen et al.,
# "Attention to Scale", 2016, merge into these six; the table is in general use).
_CLASSES = (
    "head hair nose mouth leye reye lear rear lebrow rebrow",
    "neck torso",
    "luarm ruarm",
    "llarm rlarm lhand rhand",
    "luleg ruleg",
    "llleg rlleg lfoot rfoot",
)
PERSON_PARTS = {p: i for i, parts in enumerate(_CLASSES, 1) for p in parts.split()}


@dataclasses.dataclass(frozen=True)
class SbdLabels:
    """Reads SBD's `cls/<name>.mat`: `GTcls.Segmentation` holds the class ids.

    SBD marks no borders: every pixel is a class. Hariharan et al., "Semantic contours
    from inverse detectors", 2011.
    """

    num_classes: int

    def __call__(self, path: pathlib.Path) -> np.ndarray:
        """The ids, `[height, width]` uint8; a `LabelError` for anything else."""
        found = _load(path, "GTcls", "SBD's class labels (its folder cls, not inst)")
        try:
            label = np.asarray(found[0, 0]["Segmentation"])
        except (IndexError, KeyError, ValueError, TypeError) as e:
            raise LabelError(
                f"{path}: GTcls has no field Segmentation; unpack SBD again."
            ) from e
        if label.ndim != 2 or label.dtype.kind not in "ui":
            raise LabelError(
                f"{path}: GTcls.Segmentation is {label.dtype} {list(label.shape)}; it "
                "must be whole numbers [height, width]. Unpack SBD again."
            )
        reading.check_label(label, self.num_classes, reading.IGNORE, path)
        return reading.to_record(label, reading.IGNORE)


@dataclasses.dataclass(frozen=True)
class PersonParts:
    """Reads PASCAL-Part's annotations as PASCAL-Person-Part's seven classes. Persons
    are painted in the order of the file, for later objects may hide earlier ones; so
    are the parts of a person. What is no part of a person is background (0), a person's
    silhouette without parts too. Nothing is ignored.
    """

    def __call__(self, path: pathlib.Path) -> np.ndarray:
        """The ids, `[height, width]` uint8; a `LabelError` for anything else."""
        annotation = _load(path, "anno", "PASCAL-Part annotations")
        try:
            return _painted(path, annotation[0, 0]["objects"].ravel())
        except LabelError:
            raise
        except (IndexError, KeyError, ValueError, TypeError, AttributeError) as e:
            raise LabelError(
                f"{path} has not PASCAL-Part's structure ({type(e).__name__}: {e}): "
                "anno.objects[].class, .mask, .parts[].part_name, .mask. Unpack the "
                "data set again."
            ) from e


def _painted(path: pathlib.Path, objects: np.ndarray) -> np.ndarray:
    if not len(objects):
        raise LabelError(f"{path} has no objects, so the label's size is unknown.")
    size = objects[0]["mask"].shape
    label = np.zeros(size, np.uint8)
    persons = [o["parts"] for o in objects if str(o["class"].item()) == "person"]
    # A person far away has no parts (an empty matrix).
    for part in (p for parts in persons if parts.dtype.names for p in parts.ravel()):
        name, mask = str(part["part_name"].item()), part["mask"]
        if name not in PERSON_PARTS:
            raise LabelError(
                f"{path}: a person has a part {name!r}; known parts are "
                f"{', '.join(sorted(PERSON_PARTS))}."
            )
        if mask.shape != size:
            raise LabelError(
                f"{path}: the mask of {name!r} is {list(mask.shape)}, the first "
                f"object's {list(size)}. Unpack the data set again."
            )
        label[mask != 0] = PERSON_PARTS[name]
    return label


def _load(path: pathlib.Path, variable: str, what: str) -> np.ndarray:
    """A variable of a MATLAB file, as scipy gives structures: `[1, 1]` with fields."""
    from scipy import io

    try:
        found = io.loadmat(path)
    except Exception as e:  # A damaged file makes the reader raise almost anything.
        raise LabelError(
            f"{path} is no MATLAB file, or damaged ({type(e).__name__}: {e}). Copy or "
            "unpack it again."
        ) from e
    if variable not in found:
        names = [name for name in found if not name.startswith("__")]
        raise LabelError(
            f"{path} holds {', '.join(names) or 'nothing'}, not {variable}: these are "
            f"not {what}."
        )
    return found[variable]
