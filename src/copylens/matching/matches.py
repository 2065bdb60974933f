"""Pairs of contents in, matches between files out: every pair of files, those of equal bytes included.

A content that more than `CROWD` files hold is represented by its best file: each of the others matches that one, and
only that one stands for it in matches with other contents. Thousands of equal files would make millions of pairs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import combinations, product

from copylens.errors import TooManyMatchesError
from copylens.matching.contents import Ints, PixelPairs, copy_kind, files_of, pixel_pairs
from copylens.matching.joins import Pairs
from copylens.records import ImageFacts, Match

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
    max_matches: int = MAX_MATCHES,
) -> list[Match]:
    """Every pair of files that match, within one collection.

    Args:
        images: F images.
        contents: ``(F,) int64``, the content of each, in 0..C-1.
        pairs: matches between contents.
        order: positions of `images`, best to keep first; the reference of a match is the one to keep.
        equal_pixels: content pairs (either way round) that hold the same pixels.
        max_matches: refuse to hold more.

    Raises:
        TooManyMatchesError: more than `max_matches` near matches.
    """
    rank = {file: place for place, file in enumerate(order)}
    same_pixels = pixel_pairs(equal_pixels)
    found: list[Match] = []

    def add(files: Iterable[tuple[int, int]], score: float, first: int, second: int) -> None:
        kind = copy_kind(first, second, same_pixels)
        for a, b in files:
            reference, query = (a, b) if rank[a] < rank[b] else (b, a)
            found.append(Match(images[query].path, images[reference].path, score, kind))

    files = files_of(contents, int(contents.max()) + 1 if len(contents) else 0)
    for same in files:
        same.sort(key=rank.__getitem__)
    for content, same in enumerate(files):
        equal = combinations(same, 2) if len(same) <= CROWD else product(same[:1], same[1:])
        add(equal, 1.0, content, content)
    shown = [same if len(same) <= CROWD else same[:1] for same in files]
    _refuse_too_many(_count(shown, shown, pairs), max_matches)
    for first, second, score in _rows(pairs):
        add(product(shown[first], shown[second]), score, first, second)
    return _sorted(found)


def matches_against(
    new: Sequence[ImageFacts],
    new_contents: Ints,
    known: Sequence[ImageFacts],
    known_contents: Ints,
    pairs: Pairs,
    *,
    equal_pixels: Collection[tuple[int, int]] = frozenset(),
    max_matches: int = MAX_MATCHES,
) -> list[Match]:
    """Every pair of a new file (query) and a known file (reference) that match.

    Args:
        new, known: the images of both sides.
        new_contents, known_contents: ``(F,) int64``, their contents, numbered over both sides together.
        pairs: matches, a new content first and a known content second.
        equal_pixels: content pairs (either way round) that hold the same pixels.
        max_matches: refuse to hold more.

    Raises:
        TooManyMatchesError: more than `max_matches`.
    """
    same_pixels: PixelPairs = pixel_pairs(equal_pixels)
    count = 1 + max((int(side.max()) for side in (new_contents, known_contents) if len(side)), default=-1)
    queries = files_of(new_contents, count)
    references = [same if len(same) <= CROWD else same[:1] for same in files_of(known_contents, count)]
    _refuse_too_many(_count(queries, references, pairs), max_matches)
    found = [
        Match(new[a].path, known[b].path, score, copy_kind(first, second, same_pixels))
        for first, second, score in _rows(pairs)
        for a, b in product(queries[first], references[second])
    ]
    return _sorted(found)


def _rows(pairs: Pairs) -> Iterable[tuple[int, int, float]]:
    return zip(pairs.first.tolist(), pairs.second.tolist(), pairs.scores.tolist(), strict=True)


def _count(queries: list[list[int]], references: list[list[int]], pairs: Pairs) -> int:
    return sum(len(queries[first]) * len(references[second]) for first, second, _ in _rows(pairs))


def _refuse_too_many(count: int, limit: int) -> None:
    if count > limit:
        raise TooManyMatchesError(
            f"{count:,} pairs of files match, more than the {limit:,} that a result holds; raise --threshold and run "
            "again (what was described is kept in the catalog)."
        )


def _sorted(found: list[Match]) -> list[Match]:
    return sorted(found, key=lambda match: (match.query, -match.score, match.reference))
