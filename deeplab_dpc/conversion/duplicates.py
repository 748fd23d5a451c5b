"""Images that occur twice where they should not."""

import collections
from collections.abc import Iterable, Iterator, Mapping, Sequence
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

    def clashing(same: str, group: Sequence[Place]) -> Iterator[tuple[str, str]]:
        counts = collections.Counter(place.split for place in group)
        digests = {place.split: place.digest for place in group}
        for split, name, digest in group:
            is_twice = same == "image" and counts[split] > 1 and split not in whole
            others = (s for s in digests if same == "image" or digests[s] != digest)
            if is_twice or any(family[split].isdisjoint(family[s]) for s in others):
                yield split, name

    found = []
    for same, key in (("image", "digest"), ("name", "name")):
        groups = collections.defaultdict(list)
        for place in places:
            groups[getattr(place, key)].append(place)
        for group in groups.values():
            where = tuple(clashing(same, group))
            if where:
                found.append(Shared(same, where))
    return tuple(found)
