"""Images and pairs in, groups out: a keeper, and members that each match it directly.

Images are files; several may share one content (equal bytes). Pairs are between contents. F images, C
contents, M pairs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from copylens.matching.contents import Ints, copy_kind, files_of, matched_view, pixel_pairs
from copylens.matching.joins import Pairs
from copylens.records import CopyKind, Group, ImageFacts, Member, View

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
    that matches it directly. So there are no chains, each image is in one group at most, and the answer
    depends on nothing but the images, the pairs and the rules.

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
    count = int(contents.max()) + 1 if len(contents) else 0
    near = _Neighbourhood.of(pairs, count)
    files = files_of(contents, count)
    same_pixels = pixel_pairs(equal_pixels)
    # Plain Python numbers: a million single look-ups in arrays take several times as long.
    content_of, alone = contents.tolist(), (np.diff(near.starts) == 0).tolist()
    taken = bytearray(len(images))
    groups = []
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
            groups.append(_group(images[keeper].path, members))
    return _sorted(groups, {image.path: image.size for image in images})


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

    A known image is always a keeper and never a member. The same bytes come before the same pixels, those
    before the best score, and of equal scores the known image that the rules would keep wins.

    Args:
        new, known: the images of both sides.
        new_contents, known_contents: ``(F,) int64``, their contents, numbered over both sides together.
        pairs: matches, a new content first and a known content second.
        known_order: positions of `known`, best to keep first.
        equal_pixels: content pairs (either way round) that hold the same pixels.
        views: what the origins of `pairs` speak of.

    Returns:
        Groups by descending bytes of their members, then by the keeper's path.
    """
    same_pixels = pixel_pairs(equal_pixels)
    first_file: dict[int, int] = {}
    rank: dict[int, int] = {}
    for place, file in enumerate(known_order):
        content = int(known_contents[file])
        first_file.setdefault(content, file)
        rank.setdefault(content, place)
    best: dict[int, tuple[int, float, int, int, int]] = {}
    origins = [0] * len(pairs) if pairs.origins is None else pairs.origins.tolist()
    for row, other, score, origin in zip(
        pairs.first.tolist(), pairs.second.tolist(), pairs.scores.tolist(), origins, strict=True
    ):
        # Scaled decoding moves the score of equal pixels a little below 1, where a near copy may lie too.
        candidate = (CLOSENESS[copy_kind(row, other, same_pixels)], score, -rank[other], other, origin)
        best[row] = max(best.get(row, candidate), candidate)
    members: dict[int, list[Member]] = {}
    for file, content in enumerate(new_contents.tolist()):
        if content in best:
            _, score, _, other, origin = best[content]
            view = matched_view(origin, views, first="copy", second="keeper")
            member = Member(new[file].path, score, copy_kind(content, other, same_pixels), view)
            members.setdefault(first_file[other], []).append(member)
    groups = [_group(known[file].path, found) for file, found in members.items()]
    return _sorted(groups, {image.path: image.size for image in new})


def _group(keeper: str, members: list[Member]) -> Group:
    ordered = tuple(sorted(members, key=lambda member: (-member.score, member.path)))
    return Group("near" if any(m.kind == "near" for m in ordered) else "exact", keeper, ordered)


def _sorted(groups: list[Group], sizes: dict[str, int]) -> list[Group]:
    return sorted(groups, key=lambda group: (-sum(sizes[m.path] for m in group.members), group.keeper))
