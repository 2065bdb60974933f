"""Small collections for the tests of matching: images, their contents, and pairs between contents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from copylens.matching import Pairs
from copylens.records import CopyKind, ImageFacts

PairScores = dict[frozenset[int], float]


def make_image(
    path: str,
    *,
    size: int = 1000,
    width: int = 100,
    height: int = 100,
    form: str = "JPEG",
    mtime_ns: int = 0,
    content_hash: str = "00",
) -> ImageFacts:
    return ImageFacts(path, size, mtime_ns, width, height, form, content_hash)


def make_pairs(*rows: tuple[int, int, float]) -> Pairs:
    first, second, scores = ([row[column] for row in rows] for column in range(3))
    return Pairs(np.array(first, np.int64), np.array(second, np.int64), np.array(scores, np.float32))


@dataclass(frozen=True)
class Collection:
    """Images with their contents, numbered 0..C-1 here or over both sides of a comparison."""

    images: list[ImageFacts]
    contents: npt.NDArray[np.int64]


@dataclass(frozen=True)
class OneSide:
    """A collection, and the matches within it."""

    collection: Collection
    scores: PairScores
    pixels: set[tuple[int, int]]

    @property
    def pairs(self) -> Pairs:
        return make_pairs(*sorted((min(pair), max(pair), score) for pair, score in self.scores.items()))


@dataclass(frozen=True)
class TwoSides:
    """New and known images, and the matches between them: ``scores[new content, known content]``."""

    new: Collection
    known: Collection
    scores: dict[tuple[int, int], float]
    pixels: set[tuple[int, int]]

    @property
    def pairs(self) -> Pairs:
        return make_pairs(*((a, b, score) for (a, b), score in self.scores.items()))


def collection_of(contents: Sequence[int], times: Sequence[int], *, prefix: str = "") -> Collection:
    """One file per entry; what belongs to the bytes follows from the content's number."""
    images = [
        make_image(
            f"{prefix}{'abc'[place % 3]}/{place}.jpg",
            size=100 * (content % 3 + 1),
            width=50 + 10 * (content % 2),
            mtime_ns=time,
            content_hash=f"{content:02x}",
        )
        for place, (content, time) in enumerate(zip(contents, times, strict=True))
    ]
    return Collection(images, np.array(contents, dtype=np.int64))


SCORES = st.sampled_from([0.75, 0.875, 0.96875, 1.0])


@st.composite
def one_side(draw: st.DrawFn, *, most: int = 10) -> OneSide:
    raw = draw(st.lists(st.integers(0, 6), max_size=most))
    names = {content: number for number, content in enumerate(dict.fromkeys(raw))}
    contents = [names[content] for content in raw]
    times = draw(st.lists(st.integers(0, 2), min_size=len(raw), max_size=len(raw)))
    scores: PairScores = {}
    pixels: set[tuple[int, int]] = set()
    for a, b in combinations(range(len(names)), 2):
        if draw(st.booleans()):
            scores[frozenset((a, b))] = draw(SCORES)
            if draw(st.integers(0, 3)) == 0:
                pixels.add(draw(st.sampled_from([(a, b), (b, a)])))
    return OneSide(collection_of(contents, times), scores, pixels)


@st.composite
def two_sides(draw: st.DrawFn) -> TwoSides:
    content = st.lists(st.integers(0, 5), max_size=7)
    new, known = draw(content), draw(content)
    times = draw(st.lists(st.integers(0, 2), min_size=7, max_size=7))
    scores: dict[tuple[int, int], float] = {}
    pixels: set[tuple[int, int]] = set()
    for a in sorted(set(new)):
        for b in sorted(set(known)):
            if a == b:
                scores[a, b] = 1.0
            elif draw(st.booleans()):
                scores[a, b] = draw(SCORES)
                if draw(st.integers(0, 3)) == 0:
                    pixels.add((a, b))
    sides = (collection_of(new, times[: len(new)], prefix="new/"), collection_of(known, times[: len(known)]))
    return TwoSides(*sides, scores, pixels)


def twin_kind(a: int, b: int, pixels: set[tuple[int, int]]) -> CopyKind:
    """How two matching contents equal each other, the obvious way."""
    if a == b:
        return "bytes"
    return "pixels" if (a, b) in pixels or (b, a) in pixels else "near"
