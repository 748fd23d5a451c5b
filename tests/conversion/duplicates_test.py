"""Which images count as occurring twice."""

import pytest

from deeplab_dpc.conversion import duplicates
from deeplab_dpc.conversion.duplicates import Place
from deeplab_dpc.data.manifest import Shared

VOC = {"trainval": ("train", "val"), "train_aug": ("train",)}


def find(places, unions=VOC):
    """Places are `split/name=digest`; gives `same split/name ...` of each group."""
    parsed = [Place(*p.replace("=", "/").split("/")) for p in places]
    found = duplicates.find(parsed, unions)
    assert all(isinstance(shared, Shared) for shared in found)
    return [" ".join([s.same, *map("/".join, s.where)]) for s in found]


@pytest.mark.parametrize(
    "places, found",
    [
        ("train/a=1 train/b=2 val/c=3", []),
        ("train/a=1 val/a=1", ["image train/a val/a"]),
        ("train/a=1 val/b=1 test/c=1", ["image train/a val/b test/c"]),
        ("train/a=1 train/b=1", ["image train/a train/b"]),
        ("train/a=1 val/a=2", ["name train/a val/a"]),
    ],
)
def test_one_image_or_one_name_twice(places, found):
    assert find(places.split(), unions={}) == found


@pytest.mark.parametrize(
    "places, found",
    [
        # A union shares with its parts, and with a union that has a part of it.
        ("train/a=1 trainval/a=1 val/b=2 trainval/b=2", []),
        ("train/a=1 trainval/a=1 train_aug/a=1", []),
        ("trainval/a=1 train_aug/a=1", []),
        # It hides no overlap of its parts.
        ("train/a=1 trainval/a=1 val/a=2", ["name train/a val/a"]),
        ("train/a=1 val/a=1 trainval/a=1", ["image train/a val/a"]),
        ("train/a=1 val/b=2 train_aug/b=2", ["image val/b train_aug/b"]),
        # Twice in a part is not reported for the whole, but in a whole without parts.
        ("train/a=1 train/b=1 trainval/a=1 trainval/b=1", ["image train/a train/b"]),
        ("trainval/a=1 trainval/b=1", ["image trainval/a trainval/b"]),
    ],
)
def test_splits_that_are_made_of_others(places, found):
    assert find(places.split()) == found


def test_many_equal_images_take_no_longer_than_their_number():
    """28,000 copies of one blank image: pairs of them would be 4e8."""
    places = [f"train/{i}=1" for i in range(28_000)]
    union = [f"trainval/{i}=1" for i in range(28_000)]
    for copies, unions in ((places, {}), (places + union, VOC)):
        (found,) = find(copies, unions)
        assert len(found.split()) == 1 + 28_000
