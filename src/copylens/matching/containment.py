"""Pairs that a part of a picture made in; which of the two to keep, and what relates to which keeper, out.

A picture that lies in a part of another is no worse copy of it, nor the other a better one: the holder shows other
things too, and the picture may be there at a fraction of its pixels. So such a pair makes a relation and no copy. What
is shared is the part; the picture that has more pixels of it heads the relation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby

import numpy as np
import numpy.typing as npt

from copylens.matching.contents import Ints, PixelPairs
from copylens.matching.joins import Pairs
from copylens.records import ImageFacts, MatchedView, Related, Relation, View

Bools = npt.NDArray[np.bool_]

CLEAR = 1.25**2
"""From this many times the pixels on, a picture has more of what is shared. A view is a coarse box: those of one set
are 0.4, 0.5, 0.7 and 1 of a side, so the nearest is within a factor of 1.2 of what it shows, and a little more."""


def is_part(view: View) -> bool:
    """Whether a view is a part of its picture; a turn of the whole is none."""
    return View(turn=view.turn) != view


def part_pixels(holder: ImageFacts, view: View, inside: ImageFacts) -> float:
    """How many pixels a part of `holder` has for each pixel of `inside`, the picture that lies in it."""
    part = (view.right - view.left) * holder.width * (view.bottom - view.top) * holder.height
    return part / (inside.width * inside.height)


def holder_is_better(pixels: npt.NDArray[np.float64], by_rules: Bools) -> Bools:
    """Say of M pairs whether the picture that holds the other is to be kept first.

    Args:
        pixels: ``(M,)``, as `part_pixels` gives them.
        by_rules: ``(M,)``, what the keep rules say; they decide where the box is too coarse to tell.
    """
    better: Bools = (pixels >= CLEAR) | ((pixels > 1 / CLEAR) & by_rules)
    return better


def part_rows(pairs: Pairs, views: Sequence[View], same_pixels: PixelPairs) -> Bools:
    """Which of M pairs a part made, ``(M,) bool``; pictures of equal pixels are copies, whatever made the score."""
    if pairs.origins is None or not views:
        return np.zeros(len(pairs), bool)
    parts: Bools = np.array([False, *map(is_part, views)])[np.abs(pairs.origins)]
    if same_pixels:
        for row in np.flatnonzero(parts).tolist():
            parts[row] = frozenset((int(pairs.first[row]), int(pairs.second[row]))) not in same_pixels
    return parts


def related_to(keeper: ImageFacts, other: ImageFacts, score: float, view: View, *, holds: bool) -> Related:
    """Say how `other` stands to `keeper`; `holds` when the view is one of its own."""
    relation: Relation = "holds" if holds else "part"
    pixels = part_pixels(other, view, keeper) if holds else part_pixels(keeper, view, other)
    return Related(other.path, score, relation, MatchedView("other" if holds else "keeper", view), pixels)


def relate(
    images: Sequence[ImageFacts],
    contents: Ints,
    pairs: Pairs,
    order: Sequence[int],
    taken: Sequence[int],
    *,
    views: Sequence[View],
) -> dict[int, list[Related]]:
    """Find what holds each keeper, or is a part of it.

    A content is represented by its best file, and only if that is no copy of another image. A pair of which both stand
    in one group already is not said again: a hundred screens of one program would all hold each other. Those that
    head most pairs come first.

    Args:
        images: F images.
        contents: ``(F,) int64``, the content of each, in 0..C-1.
        pairs: those that parts made.
        order: positions of `images`, best to keep first.
        taken: ``(F,)``, not 0 for each image that is a member of a group.
        views: what the origins of `pairs` speak of.

    Returns:
        By the position of the image that heads them.
    """
    if not len(pairs) or pairs.origins is None:
        return {}
    rank = np.empty(len(images), np.int64)
    rank[np.asarray(order, np.int64)] = np.arange(len(images))
    seen = np.abs(pairs.origins) - 1
    head, other, holds = _heads(images, _best_files(contents, order), pairs, rank, views)
    free = np.asarray(taken) == 0
    rows = np.flatnonzero(free[head] & free[other])
    many = np.bincount(head[rows], minlength=len(images))
    rows = rows[np.lexsort((rank[head[rows]], -many[head[rows]]))]
    found: dict[int, list[Related]] = {}
    groups: dict[int, set[int]] = defaultdict(set)
    others, scores = other.tolist(), pairs.scores.tolist()
    for top, of_top in groupby(rows.tolist(), key=head.tolist().__getitem__):
        fresh = [row for row in of_top if not groups[others[row]] & groups[top]]
        for file in (top, *(others[row] for row in fresh)):
            groups[file].add(top)
        related = [
            related_to(
                images[top], images[others[row]], scores[row], views[seen[row]], holds=bool(holds[row])
            )
            for row in fresh
        ]
        if related:
            found[top] = related
    return found


def _heads(
    images: Sequence[ImageFacts], best: Ints, pairs: Pairs, rank: Ints, views: Sequence[View]
) -> tuple[Ints, Ints, Bools]:
    """For each pair of contents the file that heads it, the other file, and whether that one holds it."""
    assert pairs.origins is not None
    of_first = pairs.origins > 0
    holder = best[np.where(of_first, pairs.first, pairs.second)]
    inside = best[np.where(of_first, pairs.second, pairs.first)]
    areas = np.array([image.width * image.height for image in images], np.float64)
    shares = np.array([(view.right - view.left) * (view.bottom - view.top) for view in views])
    pixels = shares[np.abs(pairs.origins) - 1] * areas[holder] / areas[inside]
    better = holder_is_better(pixels, rank[holder] < rank[inside])
    return np.where(better, holder, inside), np.where(better, inside, holder), ~better


def _best_files(contents: Ints, order: Sequence[int]) -> Ints:
    """For each content the file that the rules would keep, ``(C,) int64``."""
    best = np.empty(int(contents.max()) + 1, np.int64)
    backwards = np.asarray(order, np.int64)[::-1]
    best[contents[backwards]] = backwards
    return best
