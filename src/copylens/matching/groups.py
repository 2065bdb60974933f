"""Images and pairs in, groups out: a keeper, members that each match it directly, and what shares a part with it.

A pair that a part of a picture made is no copy: see `containment`.

Images are files; several may share one content (equal bytes). Pairs are between contents. F images, C
contents, M pairs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from copylens.matching.containment import Bools, part_rows, relate, related_to
from copylens.matching.contents import Ints, PixelPairs, copy_kind, files_of, matched_view, pixel_pairs
from copylens.matching.joins import Pairs
from copylens.records import CopyKind, Group, GroupKind, ImageFacts, Member, Related, View

CLOSENESS: dict[CopyKind, int] = {"near": 0, "pixels": 1, "bytes": 2}


@dataclass(frozen=True, slots=True)
class _Neighbourhood:
    """For each content the contents that match it, as one array of pairs sorted by content."""

    starts: Ints
    others: Ints
    scores: npt.NDArray[np.float32]
    origins: Ints

    @classmethod
    def of(cls, pairs: Pairs, contents: int) -> _Neighbourhood:
        ends = np.concatenate((pairs.first, pairs.second))
        others = np.concatenate((pairs.second, pairs.first))
        scores = np.concatenate((pairs.scores, pairs.scores))
        origins = np.zeros(len(pairs), np.int64) if pairs.origins is None else pairs.origins
        origins = np.concatenate((origins, -origins))
        order = np.lexsort((others, ends))
        starts = np.searchsorted(ends[order], np.arange(contents + 1))
        return cls(starts, others[order], scores[order], origins[order])

    def around(self, content: int) -> list[tuple[int, float, int]]:
        """The contents that match it, with score and origin as seen from it."""
        part = slice(self.starts[content], self.starts[content + 1])
        columns = (self.others[part].tolist(), self.scores[part].tolist(), self.origins[part].tolist())
        return list(zip(*columns, strict=True))


def group_images(
    images: Sequence[ImageFacts],
    contents: Ints,
    pairs: Pairs,
    order: Sequence[int],
    *,
    equal_pixels: Collection[tuple[int, int]] = frozenset(),
    views: Sequence[View] = (),
) -> list[Group]:
    """Group the copies within one collection.

    In keep order, the best image that is in no group yet becomes a keeper and takes every image in no group
    that matches it directly, as a whole. So there are no chains, each image is a keeper or a member of one group at
    most, and the answer depends on nothing but the images, the pairs and the rules. Then pairs that a part made are
    written to whichever of the two has more pixels of the part; they are no members.

    Args:
        images: F images.
        contents: ``(F,) int64``, the content of each, in 0..C-1.
        pairs: matches between contents.
        order: positions of `images`, best to keep first.
        equal_pixels: content pairs (either way round) that hold the same pixels.
        views: what the origins of `pairs` speak of.

    Returns:
        Groups by descending bytes of their members, then by the keeper's path.
    """
    same_pixels = pixel_pairs(equal_pixels)
    parts = part_rows(pairs, views, same_pixels)
    members = _members(images, contents, _rows(pairs, ~parts), order, same_pixels, views)
    copies = {member.path for found in members.values() for member in found}
    taken = [image.path in copies for image in images]
    related = relate(images, contents, _rows(pairs, parts), order, taken, views=views)
    groups = [
        _group(images[keeper].path, members.get(keeper, []), related.get(keeper, []))
        for keeper in {**members, **related}
    ]
    return _sorted(groups, {image.path: image.size for image in images})


def _members(
    images: Sequence[ImageFacts],
    contents: Ints,
    pairs: Pairs,
    order: Sequence[int],
    same_pixels: PixelPairs,
    views: Sequence[View],
) -> dict[int, list[Member]]:
    """The copies of each keeper, by its position."""
    count = int(contents.max()) + 1 if len(contents) else 0
    near = _Neighbourhood.of(pairs, count)
    files = files_of(contents, count)
    # Plain Python numbers: a million single look-ups in arrays take several times as long.
    content_of, alone = contents.tolist(), (np.diff(near.starts) == 0).tolist()
    taken = bytearray(len(images))
    found = {}
    for keeper in order:
        content = content_of[keeper]
        if taken[keeper] or (alone[content] and len(files[content]) == 1):
            continue
        taken[keeper] = True
        members: list[Member] = []
        for other, score, origin in [(content, 1.0, 0), *near.around(content)]:
            kind = copy_kind(content, other, same_pixels)
            view = matched_view(origin, views, first="keeper", second="copy")
            free = [file for file in files[other] if not taken[file]]
            members += [Member(images[file].path, score, kind, view) for file in free]
            for file in free:
                taken[file] = True
        if members:
            found[keeper] = members
    return found


def group_against(
    new: Sequence[ImageFacts],
    new_contents: Ints,
    known: Sequence[ImageFacts],
    known_contents: Ints,
    pairs: Pairs,
    known_order: Sequence[int],
    *,
    equal_pixels: Collection[tuple[int, int]] = frozenset(),
    views: Sequence[View] = (),
) -> list[Group]:
    """Group new images under the known image each of them matches best.

    A known image is always a keeper and never a member. The same bytes come before the same pixels, those before the
    best score of wholes, that before the best of a part; of equal scores the known image wins that the rules would
    keep. What a part showed is related, and no member.

    Args:
        new, known: the images of both sides.
        new_contents, known_contents: ``(F,) int64``, their contents, numbered over both sides together.
        pairs: matches, a new content first and a known content second.
        known_order: positions of `known`, best to keep first.
        equal_pixels, views: as for `group_images`.

    Returns:
        As `group_images`.
    """
    same_pixels = pixel_pairs(equal_pixels)
    first_file: dict[int, int] = {}
    rank: dict[int, int] = {}
    for place, file in enumerate(known_order):
        content = int(known_contents[file])
        first_file.setdefault(content, file)
        rank.setdefault(content, place)
    best = _best_known(pairs, rank, same_pixels, views)
    members: dict[int, list[Member]] = defaultdict(list)
    related: dict[int, list[Related]] = defaultdict(list)
    for file, content in enumerate(new_contents.tolist()):
        if content not in best:
            continue
        _, whole, score, _, other, origin = best[content]
        keeper = first_file[other]
        if whole:
            view = matched_view(origin, views, first="copy", second="keeper")
            member = Member(new[file].path, score, copy_kind(content, other, same_pixels), view)
            members[keeper].append(member)
        else:
            part = views[abs(origin) - 1]
            related[keeper].append(related_to(known[keeper], new[file], score, part, holds=origin > 0))
    sizes = {image.path: image.size for image in new}
    keepers = {**members, **related}
    return _sorted([_group(known[file].path, members[file], related[file]) for file in keepers], sizes)


def _best_known(
    pairs: Pairs, rank: Mapping[int, int], same_pixels: PixelPairs, views: Sequence[View]
) -> dict[int, tuple[int, bool, float, int, int, int]]:
    """For each new content its best match: closeness, whether wholes match, score, place, known content, origin."""
    best: dict[int, tuple[int, bool, float, int, int, int]] = {}
    origins = [0] * len(pairs) if pairs.origins is None else pairs.origins.tolist()
    wholes = (~part_rows(pairs, views, same_pixels)).tolist()
    for row, other, score, origin, whole in zip(
        pairs.first.tolist(), pairs.second.tolist(), pairs.scores.tolist(), origins, wholes, strict=True
    ):
        # Scaled decoding moves the score of equal pixels a little below 1, where a near copy may lie too.
        closeness = CLOSENESS[copy_kind(row, other, same_pixels)]
        candidate = (closeness, whole, score, -rank[other], other, origin)
        best[row] = max(best.get(row, candidate), candidate)
    return best


def _rows(pairs: Pairs, which: Bools) -> Pairs:
    origins = None if pairs.origins is None else pairs.origins[which]
    return Pairs(pairs.first[which], pairs.second[which], pairs.scores[which], origins)


def _group(keeper: str, members: Sequence[Member], related: Sequence[Related]) -> Group:
    ordered = tuple(sorted(members, key=lambda member: (-member.score, member.path)))
    near: GroupKind = "near" if any(m.kind == "near" for m in ordered) else "exact"
    beside = tuple(sorted(related, key=lambda item: (-item.score, item.path)))
    return Group(near if ordered else "parts", keeper, ordered, beside)


def _sorted(groups: list[Group], sizes: dict[str, int]) -> list[Group]:
    return sorted(groups, key=lambda group: (-sum(sizes[m.path] for m in group.members), group.keeper))
