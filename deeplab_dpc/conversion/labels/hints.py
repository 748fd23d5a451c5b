"""What is probably meant by a label with wrong ids: the usual mistakes."""

import numpy as np

_CITYSCAPES_CLASSES = 19
_CITYSCAPES_LABEL_IDS = 34
_FIRST_INSTANCE = 1000  # Instance ids are 1000 times the class, plus a number.


def for_values(values: np.ndarray, num_classes: int, ignore_label: int) -> str:
    """A sentence (with a space before it) about a file's wrong ids, or nothing.

    Args:
        values: `[n]`, the file's distinct values, in order.
        num_classes: Classes; their ids are `0..num_classes - 1`.
        ignore_label: The id, in the file, of pixels that count for nothing.
    """
    ids = values[values != ignore_label]
    if ids.max(initial=0) >= _FIRST_INSTANCE:
        return (
            " These look like instance ids (1000 times the class, plus a number): give "
            "the files with class ids (Cityscapes: ..._labelIds.png, not "
            "..._instanceIds.png)."
        )
    if set(values) == {0, 255}:
        return (
            " This looks like a mask of 0 and 255: give the pixels of the second class "
            "id 1, or pass --label_map=mask to build_folder_data.py."
        )
    if (
        num_classes == _CITYSCAPES_CLASSES
        and ids.max(initial=0) < _CITYSCAPES_LABEL_IDS
    ):
        return (
            " These look like Cityscapes' labelIds, where trainIds (0..18) are meant: "
            "build_cityscapes_data.py --label_type=labelIds takes them, and "
            "build_folder_data.py --label_map=cityscapes."
        )
    if ids.max(initial=0) == num_classes and ids.min() in (0, 1):
        return _counted_from_one(has_zero=ids.min() == 0)
    return ""


def _counted_from_one(has_zero: bool) -> str:
    what = (
        "If 0 means 'not labelled' here, the ids begin at 1"
        if has_zero
        else "The ids seem to begin at 1"
    )
    return (
        f" {what}: subtract 1 (and give 0 the ignore label), or pass "
        "--label_map=from_one to build_folder_data.py, which does that."
    )
