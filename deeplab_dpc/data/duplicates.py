"""Images that occur twice where they should not."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from deeplab_dpc.data.manifest import Shared


class Place(NamedTuple):
    """Where an image occurs, and the digest of its file."""

    split: str
    name: str
    digest: str


def find(
    places: Iterable[Place], unions: Mapping[str, Sequence[str]]
) -> tuple[Shared, ...]:
    """The images of equal files, and the names of different ones, in order of places.

    Splits of which one is made of the other, or which have a part in common, may share
    images. What occurs twice in a part is not reported again for the whole.

    Args:
        places: All images of all splits.
        unions: Splits that are made of others, as `Source.unions`.
    """
    places = list(places)
    splits = {place.split for place in places}
    whole = {s for s, parts in unions.items() if splits.intersection(parts)}

    def wrong(a: Place, b: Place) -> bool:
        if a.split == b.split:
            return a.split not in whole
        family = {a.split, *unions.get(a.split, ())}
        return family.isdisjoint({b.split, *unions.get(b.split, ())})

    def namesakes(a: Place, b: Place) -> bool:
        return a.split != b.split and a.digest != b.digest and wrong(a, b)

    same = _groups(places, lambda place: place.digest, wrong)
    names = _groups(places, lambda place: place.name, namesakes)
    return (
        *(Shared("image", where) for where in same),
        *(Shared("name", where) for where in names),
    )


def _groups(
    places: Sequence[Place],
    key: Callable[[Place], str],
    wrong: Callable[[Place, Place], bool],
) -> Iterator[tuple[tuple[str, str], ...]]:
    """Split and name of the places of one key that clash with another one of it."""
    by_key: dict[str, list[Place]] = {}
    for place in places:
        by_key.setdefault(key(place), []).append(place)
    for group in by_key.values():
        clashing = [a for a in group if any(a is not b and wrong(a, b) for b in group)]
        if clashing:
            yield tuple((place.split, place.name) for place in clashing)
