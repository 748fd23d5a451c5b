"""Which images count as occurring twice."""

from deeplab_dpc.conversion import duplicates
from deeplab_dpc.conversion.duplicates import Place
from deeplab_dpc.data.manifest import Shared

VOC = {"trainval": ("train", "val"), "train_aug": ("train",)}


def find(*places, unions=None):
    """Places are `split/name=digest`; gives `(same, split/name, ...)`."""
    parsed = [Place(*p.replace("=", "/").split("/")) for p in places]
    found = duplicates.find(parsed, unions or {})
    assert all(isinstance(shared, Shared) for shared in found)
    return [(s.same, *("/".join(place) for place in s.where)) for s in found]


def test_different_images_are_fine():
    assert find("train/a=1", "train/b=2", "val/c=3") == []


def test_one_image_in_two_splits():
    assert find("train/a=1", "val/a=1") == [("image", "train/a", "val/a")]
    assert find("train/a=1", "val/b=1", "test/c=1") == [
        ("image", "train/a", "val/b", "test/c")
    ]


def test_one_image_twice_in_a_split():
    assert find("train/a=1", "train/b=1") == [("image", "train/a", "train/b")]


def test_one_name_for_two_images():
    assert find("train/a=1", "val/a=2") == [("name", "train/a", "val/a")]
    assert find("train/a=1", "trainval/a=1", "val/a=2", unions=VOC) == [
        ("name", "train/a", "val/a")
    ]


def test_a_union_shares_with_its_parts():
    assert (
        find("train/a=1", "trainval/a=1", "val/b=2", "trainval/b=2", unions=VOC) == []
    )


def test_unions_with_a_common_part_share():
    assert find("train/a=1", "trainval/a=1", "train_aug/a=1", unions=VOC) == []
    assert find("trainval/a=1", "train_aug/a=1", unions=VOC) == []


def test_a_union_hides_no_overlap_of_its_parts():
    places = ("train/a=1", "val/a=1", "trainval/a=1")
    assert find(*places, unions=VOC) == [("image", "train/a", "val/a")]
    places = ("train/a=1", "val/b=2", "train_aug/b=2")
    assert find(*places, unions=VOC) == [("image", "val/b", "train_aug/b")]


def test_twice_in_a_part_is_not_reported_for_the_whole():
    places = ("train/a=1", "train/b=1", "trainval/a=1", "trainval/b=1")
    assert find(*places, unions=VOC) == [("image", "train/a", "train/b")]


def test_twice_in_a_whole_without_its_parts():
    places = ("trainval/a=1", "trainval/b=1")
    assert find(*places, unions=VOC) == [("image", "trainval/a", "trainval/b")]


def test_many_equal_images_take_no_longer_than_their_number():
    """28,000 copies of one blank image: pairs of them would be 4e8."""
    places = [f"train/{i}=1" for i in range(28_000)]
    ((_, *where),) = find(*places)
    assert len(where) == 28_000
    union = [f"trainval/{i}=1" for i in range(28_000)]
    ((_, *where),) = find(*places, *union, unions=VOC)
    assert len(where) == 28_000
