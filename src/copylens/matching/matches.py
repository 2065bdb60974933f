"""Pairs of contents in, matches between files out: every pair of files, those of equal bytes included.

A content that more than `CROWD` files hold is represented by its best file: each of the others matches that
one, and only that one stands for it in matches with other contents. Thousands of equal files would make
millions of pairs. The same goes for every content when listing all pairs of files would be more than a
result holds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import combinations, product

import numpy as np

from copylens.errors import TooManyMatchesError
from copylens.matching.contents import Ints, PixelPairs, copy_kind, files_of, matched_view, pixel_pairs
from copylens.matching.joins import Pairs
from copylens.records import ImageFacts, Match, View

CROWD = 50
"""Files of equal bytes of which every pair is listed."""

MAX_MATCHES = 5_000_000
"""Matches that are held at most, about 250 bytes each."""


def matches_within(
    images: Sequence[ImageFacts],
    contents: Ints,
    pairs: Pairs,
    order: Sequence[int],
    *,
    equal_pixels: Collection[tuple[int, int]] = frozenset(),
    views: Sequence[View] = (),
    max_matches: int = MAX_MATCHES,
) -> list[Match]:
    """Every pair of files that match, within one collection.

    Args:
        images: F images.
        contents: ``(F,) int64``, the content of each, in 0..C-1.
        pairs: matches between contents.
        order: positions of `images`, best to keep first; the reference of a match is the one to keep.
        equal_pixels: content pairs (either way round) that hold the same pixels.
        views: what the origins of `pairs` speak of.
        max_matches: refuse to hold more between different contents.

    Raises:
        TooManyMatchesError: more than `max_matches` pairs of contents.
    """
    rank = {file: place for place, file in enumerate(order)}
    same_pixels = pixel_pairs(equal_pixels)
    found: list[Match] = []

    def add(files: Iterable[tuple[int, int]], score: float, first: int, second: int, origin: int = 0) -> None:
        kind = copy_kind(first, second, same_pixels)
        for a, b in files:
            reference, query = (a, b) if rank[a] < rank[b] else (b, a)
            # As seen from the first of the pair, which is file a.
            seen = origin if query == a else -origin
            view = matched_view(seen, views, first="query", second="reference")
            found.append(Match(images[query].path, images[reference].path, score, kind, view))

    sizes = np.bincount(contents)
    crowd = _crowd(
        listed=_equal_matches(sizes) + _matches(_shown(sizes, CROWD), _shown(sizes, CROWD), pairs),
        fewest=_matches(_shown(sizes, 1), _shown(sizes, 1), pairs),
        limit=max_matches,
    )
    files = _best_first(contents, order, len(sizes))
    for content, same in enumerate(files):
        equal = combinations(same, 2) if len(same) <= crowd else product(same[:1], same[1:])
        add(equal, 1.0, content, content)
    shown = [same[:size] for same, size in zip(files, _shown(sizes, crowd).tolist(), strict=True)]
    for first, second, score, origin in _rows(pairs):
        add(product(shown[first], shown[second]), score, first, second, origin)
    return _sorted(found)


def matches_against(
    new: Sequence[ImageFacts],
    new_contents: Ints,
    known: Sequence[ImageFacts],
    known_contents: Ints,
    pairs: Pairs,
    known_order: Sequence[int],
    *,
    equal_pixels: Collection[tuple[int, int]] = frozenset(),
    views: Sequence[View] = (),
    max_matches: int = MAX_MATCHES,
) -> list[Match]:
    """Every pair of a new file (query) and a known file (reference) that match.

    Every new file is listed; only known ones are represented by their best where they are a crowd.

    Args:
        new, known: the images of both sides.
        new_contents, known_contents: ``(F,) int64``, their contents, numbered over both sides together.
        pairs: matches, a new content first and a known content second.
        known_order: positions of `known`, best to keep first.
        equal_pixels: content pairs (either way round) that hold the same pixels.
        views: what the origins of `pairs` speak of.
        max_matches: refuse to hold more.

    Raises:
        TooManyMatchesError: more than `max_matches` pairs of a new file and a known content.
    """
    same_pixels: PixelPairs = pixel_pairs(equal_pixels)
    count = 1 + max((int(side.max()) for side in (new_contents, known_contents) if len(side)), default=-1)
    asked, sizes = (np.bincount(side, minlength=count) for side in (new_contents, known_contents))
    crowd = _crowd(
        listed=_matches(asked, _shown(sizes, CROWD), pairs),
        fewest=_matches(asked, _shown(sizes, 1), pairs),
        limit=max_matches,
    )
    queries, references = files_of(new_contents, count), _best_first(known_contents, known_order, count)
    shown = [same[:size] for same, size in zip(references, _shown(sizes, crowd).tolist(), strict=True)]
    found = []
    for first, second, score, origin in _rows(pairs):
        kind = copy_kind(first, second, same_pixels)
        view = matched_view(origin, views, first="query", second="reference")
        found += [
            Match(new[a].path, known[b].path, score, kind, view)
            for a, b in product(queries[first], shown[second])
        ]
    return _sorted(found)


def _rows(pairs: Pairs) -> Iterable[tuple[int, int, float, int]]:
    origins = [0] * len(pairs) if pairs.origins is None else pairs.origins.tolist()
    return zip(pairs.first.tolist(), pairs.second.tolist(), pairs.scores.tolist(), origins, strict=True)


def _best_first(contents: Ints, order: Sequence[int], count: int) -> list[list[int]]:
    """For each of `count` contents the positions of the files that hold it, in keep order."""
    by_place = np.asarray(order, dtype=np.int64)
    return [[order[place] for place in places] for places in files_of(contents[by_place], count)]


def _shown(sizes: Ints, crowd: int) -> Ints:
    """Of how many files each content's matches with other contents are listed."""
    return np.where(sizes <= crowd, sizes, 1)


def _equal_matches(sizes: Ints) -> int:
    return int(np.where(sizes <= CROWD, sizes * (sizes - 1) // 2, sizes - 1).sum())


def _matches(queries: Ints, references: Ints, pairs: Pairs) -> int:
    return int((queries[pairs.first] * references[pairs.second]).sum())


def _crowd(*, listed: int, fewest: int, limit: int) -> int:
    """How many equal files are listed one by one: `listed` counts the matches for `CROWD`, `fewest` for 1."""
    if listed <= limit:
        return CROWD
    if fewest <= limit:
        return 1
    raise TooManyMatchesError(
        f"{fewest:,} pairs match, more than the {limit:,} that a result holds; raise --threshold and run "
        "again (what was described is kept in the catalog)."
    )


def _sorted(found: list[Match]) -> list[Match]:
    return sorted(found, key=lambda match: (match.query, -match.score, match.reference))
