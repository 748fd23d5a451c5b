"""What is drawn of each random change: the change alone, and all as training has it."""

import numpy as np

from deeplab_dpc.config import AugmentConfig, TrainConfig
from deeplab_dpc.data.augment import RandomView
from deeplab_dpc.inspection import augmentations


def shown(changes):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (20, 30, 3), np.uint8)
    label = rng.integers(0, 3, (20, 30), np.uint8)
    found = list(augmentations.shown(image, label, changes, 255))
    return image, label, found


def test_each_change_alone():
    image, label, found = shown(augmentations.TYPICAL)
    views = {flags: both for flags, *both in found[:-2]}
    assert [flags.replace("--", "") for flags in views] == [
        "as it is",
        "min_scale_factor=0.5 max_scale_factor=2",
        "random_flip",
        "rotation_degrees=10",
        "photometric_distortion",
        "blur_sigma_px=1.5",
        "cutout_share=0.3",
    ]
    for flags, (picture, ids) in views.items():
        assert picture.dtype == np.uint8 and picture.shape == image.shape
        assert np.array_equal(picture, image) == (flags == "as it is")
        kept = flags in ("as it is", "--photometric_distortion", "--blur_sigma_px=1.5")
        assert np.array_equal(ids, label) == kept
    np.testing.assert_array_equal(views["--random_flip"][0], image[:, ::-1])
    np.testing.assert_array_equal(views["--random_flip"][1], label[:, ::-1])
    picture, ids = views["--cutout_share=0.3"]
    hole = picture != image
    assert 0 < hole.any(-1).sum() <= 6 * 9 and (ids[hole.any(-1)] == 255).all()


def test_all_together_is_what_training_sees():
    changes = AugmentConfig(rotation_degrees=45, min_scale_factor=1)
    image, label, found = shown(changes)
    *_, (_, *first), (_, *second) = found
    view = RandomView(TrainConfig(train_crop_size=(20, 30), **changes.to_dict()))
    for number, (picture, ids) in enumerate((first, second)):
        expected = view(image, label[..., None], [0, number])
        np.testing.assert_array_equal(picture, np.rint(expected[0]))
        np.testing.assert_array_equal(ids, expected[1][..., 0])
