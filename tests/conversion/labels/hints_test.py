"""The usual mistakes with ids, and what the message says to do."""

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.conversion.labels import reading
from deeplab_dpc.conversion.labels.files import LabelError


def message(tmp_path, values, num_classes, ignore_label=255, dtype=np.uint8):
    path = tmp_path / "a.png"
    Image.fromarray(np.array([values], dtype)).save(path)
    with pytest.raises(LabelError) as error:
        reading.Ids(num_classes, ignore_label)(path)
    return str(error.value)


def test_ids_that_begin_at_one(tmp_path):
    text = message(tmp_path, [1, 2, 3], 3)
    assert "The ids seem to begin at 1" in text and "--label_map=from_one" in text


def test_zero_as_void(tmp_path):
    text = message(tmp_path, [0, 1, 2, 3], 3)
    assert "If 0 means 'not labelled' here, the ids begin at 1" in text


def test_label_ids_for_train_ids(tmp_path):
    text = message(tmp_path, [0, 7, 11, 26, 33], 19)
    assert "look like Cityscapes' labelIds" in text
    assert "--label_type=labelIds" in text and "--label_map=cityscapes" in text


def test_instance_ids(tmp_path):
    text = message(tmp_path, [7, 26001, 24003], 19, dtype=np.uint16)
    assert "1 pixel has label 24003, 1 pixel has label 26001" in text
    assert "look like instance ids" in text


def test_a_mask(tmp_path):
    text = message(tmp_path, [0, 255], 2, ignore_label=9)
    assert "a mask of 0 and 255" in text and "--label_map=mask" in text


def test_nothing_to_say_about_other_ids():
    values = np.array([0, 3, 40])
    assert reading.usual_mistake(values, 20, 255) == ""
    assert reading.usual_mistake(np.array([255]), 20, 255) == ""
