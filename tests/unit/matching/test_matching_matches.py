"""Matches between files: every pair by nested loops, except where equal files are a crowd."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copylens.errors import TooManyMatchesError
from copylens.matching import (
    KeepRules,
    group_against,
    group_images,
    keep_order,
    matches,
    matches_against,
    matches_within,
)
from copylens.records import Match
from matching_samples import (
    Collection,
    OneSide,
    TwoSides,
    make_image,
    make_pairs,
    one_side,
    twin_kind,
    two_sides,
)

RULES = KeepRules.parse("resolution,oldest")


def within(side: OneSide, *, max_matches: int = matches.MAX_MATCHES) -> list[Match]:
    images, order = side.collection.images, keep_order(side.collection.images, RULES)
    return matches_within(
        images, side.collection.contents, side.pairs, order, equal_pixels=side.pixels, max_matches=max_matches
    )


def against(sides: TwoSides, *, max_matches: int = matches.MAX_MATCHES) -> list[Match]:
    return matches_against(
        sides.new.images,
        sides.new.contents,
        sides.known.images,
        sides.known.contents,
        sides.pairs,
        keep_order(sides.known.images, RULES),
        equal_pixels=sides.pixels,
        max_matches=max_matches,
    )


def twin_sorted(found: list[Match]) -> list[Match]:
    return sorted(found, key=lambda match: (match.query, -match.score, match.reference))


def twin_within(side: OneSide) -> list[Match]:
    images, contents = side.collection.images, side.collection.contents.tolist()
    order, found = keep_order(images, RULES), []
    for place, reference in enumerate(order):
        for query in order[place + 1 :]:
            a, b = contents[reference], contents[query]
            score = 1.0 if a == b else side.scores.get(frozenset((a, b)))
            if score is not None:
                kind = twin_kind(a, b, side.pixels)
                found.append(Match(images[query].path, images[reference].path, score, kind))
    return twin_sorted(found)


def twin_against(sides: TwoSides) -> list[Match]:
    found = []
    for new, a in zip(sides.new.images, sides.new.contents.tolist(), strict=True):
        for known, b in zip(sides.known.images, sides.known.contents.tolist(), strict=True):
            if (a, b) in sides.scores:
                found.append(Match(new.path, known.path, sides.scores[a, b], twin_kind(a, b, sides.pixels)))
    return twin_sorted(found)


def equal_files(count: int, *, first: int = 0, content: int = 0) -> Collection:
    """Files of one content; the last is the oldest, and so the one to keep."""
    images = [make_image(f"{place:03}", mtime_ns=-place) for place in range(first, first + count)]
    return Collection(images, np.full(count, content))


def joined(*sides: Collection) -> Collection:
    return Collection(
        [image for side in sides for image in side.images], np.concatenate([s.contents for s in sides])
    )


# --- within one collection


def test_golden_matches() -> None:
    images = [
        make_image("small", width=10),
        make_image("large", width=90),
        make_image("copy", width=90, mtime_ns=1),
    ]
    found = matches_within(
        images,
        np.array([0, 1, 1]),
        make_pairs((0, 1, 0.875)),
        keep_order(images, RULES),
        equal_pixels={(1, 0)},
    )
    assert found == [
        Match("copy", "large", 1.0, "bytes"),
        Match("small", "copy", 0.875, "pixels"),
        Match("small", "large", 0.875, "pixels"),
    ]


@settings(max_examples=300, deadline=None)
@given(side=one_side())
def test_equals_the_nested_loops(side: OneSide) -> None:
    assert within(side) == twin_within(side)


@settings(max_examples=100, deadline=None)
@given(side=one_side(), seed=st.integers(0, 1000))
def test_the_order_of_the_images_does_not_matter(side: OneSide, seed: int) -> None:
    files = list(range(len(side.collection.images)))
    random.Random(seed).shuffle(files)
    shuffled = Collection([side.collection.images[file] for file in files], side.collection.contents[files])
    assert within(OneSide(shuffled, side.scores, side.pixels)) == within(side)


@settings(max_examples=100, deadline=None)
@given(side=one_side(), crowd=st.integers(1, 4))
def test_every_member_of_a_group_is_reached_from_its_keeper(side: OneSide, crowd: int) -> None:
    """By one match, or through the best file of equal bytes where these are a crowd."""
    images, order = side.collection.images, keep_order(side.collection.images, RULES)
    groups = group_images(images, side.collection.contents, side.pairs, order, equal_pixels=side.pixels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matches, "CROWD", crowd)
        found = within(side)
    assert set(found) <= set(twin_within(side))
    linked = {frozenset((match.query, match.reference)) for match in found}
    same = {frozenset((m.query, m.reference)) for m in twin_within(side) if m.kind == "bytes"}

    def stands_for(path: str) -> set[str]:
        return {path} | {other for pair in same if path in pair for other in pair}

    for group in groups:
        for member in group.members:
            ends = [(a, b) for a in stands_for(group.keeper) for b in stands_for(member.path)]
            assert any(a == b or frozenset((a, b)) in linked for a, b in ends)


def test_a_crowd_is_represented_by_its_best_file() -> None:
    crowd, other = equal_files(matches.CROWD + 1), equal_files(2, first=800, content=1)
    side = OneSide(joined(crowd, other), {frozenset((0, 1)): 0.875}, set())
    best = f"{matches.CROWD:03}"
    found = within(side)
    assert [m for m in found if m.kind == "bytes"] == [
        *(Match(f"{place:03}", best, 1.0, "bytes") for place in range(matches.CROWD)),
        Match("800", "801", 1.0, "bytes"),
    ]
    near = [Match(best, reference, 0.875, "near") for reference in ("800", "801")]
    assert [m for m in found if m.kind == "near"] == near


def test_up_to_a_crowd_every_pair_is_listed() -> None:
    side = OneSide(equal_files(matches.CROWD), {}, set())
    assert len(within(side)) == matches.CROWD * (matches.CROWD - 1) // 2


def test_a_content_of_as_many_files_as_a_crowd_is_shown_whole() -> None:
    full, other = equal_files(matches.CROWD), equal_files(1, first=800, content=1)
    near = [
        m for m in within(OneSide(joined(full, other), {frozenset((0, 1)): 0.875}, set())) if m.kind == "near"
    ]
    assert len(near) == matches.CROWD


def test_one_file_stands_for_each_content_when_all_pairs_are_too_many() -> None:
    side = OneSide(
        joined(equal_files(4), equal_files(3, first=800, content=1)), {frozenset((0, 1)): 0.875}, set()
    )
    assert len(within(side, max_matches=21)) == 6 + 3 + 12
    few = within(side, max_matches=20)
    assert [m for m in few if m.kind == "near"] == [Match("003", "802", 0.875, "near")]
    assert [(m.query, m.reference) for m in few if m.kind == "bytes"] == [
        ("000", "003"),
        ("001", "003"),
        ("002", "003"),
        ("800", "802"),
        ("801", "802"),
    ]
    assert within(side, max_matches=1) == few


def test_refuses_more_pairs_than_a_result_holds() -> None:
    collection = Collection([make_image(name) for name in "abc"], np.arange(3))
    side = OneSide(collection, {frozenset((0, 1)): 0.875, frozenset((0, 2)): 0.875}, set())
    assert len(within(side, max_matches=2)) == 2
    with pytest.raises(TooManyMatchesError, match=r"2 pairs match, more than the 1 .* raise --threshold"):
        within(side, max_matches=1)


def test_equal_files_alone_are_never_too_many() -> None:
    assert len(within(OneSide(equal_files(40), {}, set()), max_matches=1)) == 39


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_match(count: int) -> None:
    assert within(OneSide(equal_files(count), {}, set())) == []


# --- new images against known ones


def test_golden_matches_against() -> None:
    new, known = [make_image("new/a"), make_image("new/b")], [make_image("k/a"), make_image("k/b")]
    pairs = make_pairs((0, 2, 0.875), (0, 3, 0.96875), (1, 2, 1.0))
    found = matches_against(new, np.array([0, 1]), known, np.array([2, 3]), pairs, [0, 1])
    assert found == [
        Match("new/a", "k/b", 0.96875),
        Match("new/a", "k/a", 0.875),
        Match("new/b", "k/a", 1.0),
    ]


@settings(max_examples=300, deadline=None)
@given(sides=two_sides())
def test_against_equals_the_nested_loops(sides: TwoSides) -> None:
    assert against(sides) == twin_against(sides)


@settings(max_examples=100, deadline=None)
@given(sides=two_sides(), crowd=st.integers(1, 3))
def test_against_names_each_member_with_its_keeper(sides: TwoSides, crowd: int) -> None:
    """The known image under which a new one is grouped is among the new one's matches, crowd or not."""
    order = keep_order(sides.known.images, RULES)
    new, known = sides.new, sides.known
    groups = group_against(
        new.images, new.contents, known.images, known.contents, sides.pairs, order, equal_pixels=sides.pixels
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matches, "CROWD", crowd)
        found = set(against(sides))
    assert found <= set(twin_against(sides))
    for group in groups:
        for member in group.members:
            assert Match(member.path, group.keeper, member.score, member.kind) in found


def test_a_known_crowd_is_represented_by_its_best_file() -> None:
    known = equal_files(matches.CROWD + 1, content=1)
    new = Collection([make_image("new/a"), make_image("new/b")], np.array([0, 1]))
    best = f"{matches.CROWD:03}"
    assert against(TwoSides(new, known, {(0, 1): 0.875, (1, 1): 1.0}, set())) == [
        Match("new/a", best, 0.875, "near"),
        Match("new/b", best, 1.0, "bytes"),
    ]


def test_against_refuses_more_than_a_result_holds() -> None:
    new = Collection([make_image("new/a"), make_image("new/b")], np.array([0, 0]))
    sides = TwoSides(new, equal_files(3, content=1), {(0, 1): 0.875}, set())
    assert len(against(sides, max_matches=6)) == 6
    assert [match.reference for match in against(sides, max_matches=2)] == ["002", "002"]
    with pytest.raises(TooManyMatchesError, match="2 pairs match, more than the 1 "):
        against(sides, max_matches=1)
