"""Images that occur twice where they should not."""

import collections
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

    Splits of which one is made of the other (`unions`, as in `Source`), or which have a
    part in common, may share images. What occurs twice in a part is not reported again
    for the whole.
    """
    places = list(places)
    splits = {place.split for place in places}
    whole = {s for s, parts in unions.items() if splits.intersection(parts)}
    family = {s: {s, *unions.get(s, ())} for s in splits}

    def copies(group: Sequence[Place]) -> Iterator[Place]:
        counts = collections.Counter(place.split for place in group)
        for place in group:
            is_twice = counts[place.split] > 1 and place.split not in whole
            if is_twice or any(_apart(family, place.split, s) for s in counts):
                yield place

    def namesakes(group: Sequence[Place]) -> Iterator[Place]:
        files = {place.split: place.digest for place in group}
        for place in group:
            others = (s for s, digest in files.items() if digest != place.digest)
            if any(_apart(family, place.split, s) for s in others):
                yield place

    return (
        *_shared("image", _groups(places, lambda place: place.digest), copies),
        *_shared("name", _groups(places, lambda place: place.name), namesakes),
    )


def _apart(family: Mapping[str, set[str]], a: str, b: str) -> bool:
    """Whether two splits should have no image in common."""
    return family[a].isdisjoint(family[b])


def _groups(
    places: Sequence[Place], key: Callable[[Place], str]
) -> Iterable[list[Place]]:
    groups: dict[str, list[Place]] = {}
    for place in places:
        groups.setdefault(key(place), []).append(place)
    return [group for group in groups.values() if len(group) > 1]


def _shared(
    same: str,
    groups: Iterable[Sequence[Place]],
    clashing: Callable[[Sequence[Place]], Iterator[Place]],
) -> Iterator[Shared]:
    for group in groups:
        where = tuple((place.split, place.name) for place in clashing(group))
        if where:
            yield Shared(same, where)
