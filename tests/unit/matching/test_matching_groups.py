"""Groups: against the obvious loops, and the promises made to a person who deletes what is not kept."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copylens.matching import KeepRules, group_against, group_images, keep_order
from copylens.records import Group, Member
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


def grouped(side: OneSide) -> list[Group]:
    images = side.collection.images
    order = keep_order(images, RULES)
    return group_images(images, side.collection.contents, side.pairs, order, equal_pixels=side.pixels)


def score_between(side: OneSide, a: int, b: int) -> float | None:
    """The score of two files, None where they do not match."""
    first, second = (int(side.collection.contents[file]) for file in (a, b))
    return 1.0 if first == second else side.scores.get(frozenset((first, second)))


def twin_group(keeper: str, members: Sequence[Member]) -> Group:
    exact = all(member.kind in ("bytes", "pixels") for member in members)
    ordered = sorted(members, key=lambda member: (-member.score, member.path))
    return Group("exact" if exact else "near", keeper, tuple(ordered))


def twin_sorted(groups: list[Group], sizes: dict[str, int]) -> list[Group]:
    return sorted(groups, key=lambda g: (-sum(sizes[member.path] for member in g.members), g.keeper))


def twin_groups(side: OneSide) -> list[Group]:
    """Take the best image left, and everything left that matches it; repeat."""
    images, contents = side.collection.images, side.collection.contents.tolist()
    left, groups = keep_order(images, RULES), []
    while left:
        keeper, *others = left
        members, left = [], []
        for file in others:
            score = score_between(side, keeper, file)
            if score is None:
                left.append(file)
            else:
                kind = twin_kind(contents[keeper], contents[file], side.pixels)
                members.append(Member(images[file].path, score, kind))
        if members:
            groups.append(twin_group(images[keeper].path, members))
    return twin_sorted(groups, {image.path: image.size for image in images})


# --- within one collection


def test_golden_groups() -> None:
    images = [
        make_image("small.jpg", size=10, width=50),
        make_image("large.png", size=900, width=200),
        make_image("large-again.png", size=900, width=200),
        make_image("converted.bmp", size=2000, width=200, mtime_ns=1),
        make_image("other.jpg", size=5),
    ]
    pairs = make_pairs((0, 1, 0.9), (0, 2, 0.875), (1, 2, 0.99))
    order = keep_order(images, RULES)
    groups = group_images(images, np.array([0, 1, 1, 2, 3]), pairs, order, equal_pixels={(2, 1)})
    members = (
        Member("large.png", 1.0, "bytes"),
        Member("converted.bmp", float(np.float32(0.99)), "pixels"),
        Member("small.jpg", float(np.float32(0.9)), "near"),
    )
    assert groups == [Group("near", "large-again.png", members)]


def test_a_chain_is_cut() -> None:
    """A matches B, B matches C, A does not match C: C is no copy of A."""
    images = [make_image("a", width=30), make_image("b", width=20), make_image("c", width=10)]
    pairs = make_pairs((0, 1, 0.9), (1, 2, 0.9))
    groups = group_images(images, np.arange(3), pairs, keep_order(images, RULES))
    assert [(group.keeper, [member.path for member in group.members]) for group in groups] == [("a", ["b"])]


def test_who_is_kept_decides_what_is_grouped() -> None:
    images = [make_image("a", width=30), make_image("b", width=90), make_image("c", width=10)]
    pairs = make_pairs((0, 1, 0.9), (1, 2, 0.9))
    groups = group_images(images, np.arange(3), pairs, keep_order(images, RULES))
    assert [(group.keeper, [member.path for member in group.members]) for group in groups] == [
        ("b", ["a", "c"])
    ]


def test_largest_saving_first_then_by_path() -> None:
    images = [make_image(path, size=size) for path, size in zip("abcdef", (1, 1, 9, 9, 1, 1), strict=True)]
    groups = group_images(images, np.array([0, 0, 1, 1, 2, 2]), make_pairs(), keep_order(images, RULES))
    assert [(group.keeper, group.kind) for group in groups] == [
        ("c", "exact"),
        ("a", "exact"),
        ("e", "exact"),
    ]


def test_nothing_to_group() -> None:
    assert group_images([], np.empty(0, np.int64), make_pairs(), []) == []
    assert group_images([make_image("a")], np.zeros(1, np.int64), make_pairs(), [0]) == []
    images = [make_image("a"), make_image("b")]
    assert group_images(images, np.arange(2), make_pairs(), [0, 1]) == []


@pytest.mark.parametrize("same_bytes", [True, False])
def test_all_alike_are_one_group(same_bytes: bool) -> None:
    images = [make_image(f"{place:02}") for place in range(30)]
    contents = np.zeros(30, np.int64) if same_bytes else np.arange(30)
    every = [] if same_bytes else [(a, b, 1.0) for a in range(30) for b in range(a + 1, 30)]
    (group,) = group_images(images, contents, make_pairs(*every), keep_order(images, RULES))
    assert group.kind == ("exact" if same_bytes else "near")
    assert (group.keeper, [member.path for member in group.members]) == (
        "00",
        [f"{n:02}" for n in range(1, 30)],
    )


@settings(max_examples=300, deadline=None)
@given(side=one_side())
def test_equals_the_twin(side: OneSide) -> None:
    assert grouped(side) == twin_groups(side)


@settings(max_examples=200, deadline=None)
@given(side=one_side())
def test_promises(side: OneSide) -> None:
    images = side.collection.images
    place = {image.path: position for position, image in enumerate(images)}
    rank = {images[file].path: position for position, file in enumerate(keep_order(images, RULES))}
    groups = grouped(side)
    named = [path for group in groups for path in (group.keeper, *(member.path for member in group.members))]
    assert len(named) == len(set(named)), "an image is in two groups"
    for group in groups:
        assert group.members
        assert (group.kind == "exact") == all(member.kind != "near" for member in group.members)
        for member in group.members:
            assert rank[group.keeper] < rank[member.path], "a better image would be removed"
            assert score_between(side, place[group.keeper], place[member.path]) == member.score, "a chain"
    kept = [file for image, file in place.items() if image not in {m.path for g in groups for m in g.members}]
    for a in kept:
        for b in kept:
            assert a == b or score_between(side, a, b) is None, "two copies are kept"


@settings(max_examples=200, deadline=None)
@given(side=one_side(), seed=st.integers(0, 1000))
def test_depends_neither_on_the_order_nor_on_the_numbers(side: OneSide, seed: int) -> None:
    draw, images, contents = random.Random(seed), side.collection.images, side.collection.contents.tolist()
    files, names = list(range(len(images))), list(range(len(set(contents))))
    draw.shuffle(files)
    draw.shuffle(names)
    renamed = OneSide(
        Collection(
            [images[file] for file in files], np.array([names[contents[file]] for file in files], np.int64)
        ),
        {frozenset(names[content] for content in pair): score for pair, score in side.scores.items()},
        {(names[a], names[b]) for a, b in side.pixels},
    )
    assert grouped(renamed) == grouped(side)


# --- new images against known ones


def grouped_against(sides: TwoSides) -> list[Group]:
    new, known = sides.new, sides.known
    order = keep_order(known.images, RULES)
    return group_against(
        new.images, new.contents, known.images, known.contents, sides.pairs, order, equal_pixels=sides.pixels
    )


def twin_against(sides: TwoSides) -> list[Group]:
    """For each new image look at every known one, best to keep first, and take the first of the closest."""
    members: dict[str, list[Member]] = {}
    order = keep_order(sides.known.images, RULES)
    for image, content in zip(sides.new.images, sides.new.contents.tolist(), strict=True):
        best: tuple[int, float] | None = None
        for file in order:
            other = int(sides.known.contents[file])
            if (content, other) not in sides.scores:
                continue
            kind, score = twin_kind(content, other, sides.pixels), sides.scores[content, other]
            closeness = (["near", "pixels", "bytes"].index(kind), score)
            if best is None or closeness > best:
                best, keeper, member = (
                    closeness,
                    sides.known.images[file].path,
                    Member(image.path, score, kind),
                )
        if best is not None:
            members.setdefault(keeper, []).append(member)
    groups = [twin_group(keeper, found) for keeper, found in members.items()]
    return twin_sorted(groups, {image.path: image.size for image in sides.new.images})


def test_golden_groups_against() -> None:
    new = [make_image("new/a"), make_image("new/b"), make_image("new/c"), make_image("new/alone")]
    known = [make_image("k/small", width=10), make_image("k/large", width=99), make_image("k/unused")]
    pairs = make_pairs((0, 4, 0.9), (0, 5, 0.9), (1, 4, 0.95), (1, 5, 0.9), (2, 5, 0.75))
    order = keep_order(known, RULES)
    groups = group_against(new, np.array([0, 1, 2, 3]), known, np.array([4, 5, 6]), pairs, order)
    assert [(group.keeper, [member.path for member in group.members]) for group in groups] == [
        ("k/large", ["new/a", "new/c"]),
        ("k/small", ["new/b"]),
    ]


@pytest.mark.parametrize(
    ("pixels", "keeper", "kind"), [(True, "k/equal", "exact"), (False, "k/near", "near")]
)
def test_equal_pixels_come_before_a_higher_score(pixels: bool, keeper: str, kind: str) -> None:
    """Scaled decoding can move the score of equal pixels below that of a near copy."""
    new, known = [make_image("new/a")], [make_image("k/near"), make_image("k/equal")]
    pairs = make_pairs((0, 1, 0.999), (0, 2, 0.98))
    (group,) = group_against(
        new, np.array([0]), known, np.array([1, 2]), pairs, [0, 1], equal_pixels={(2, 0)} if pixels else set()
    )
    assert (group.keeper, group.kind) == (keeper, kind)


def test_equal_bytes_come_before_everything() -> None:
    new, known = [make_image("new/a")], [make_image("k/near"), make_image("k/pixels"), make_image("k/bytes")]
    pairs = make_pairs((0, 1, 1.0), (0, 2, 1.0), (0, 0, 1.0))
    (group,) = group_against(
        new, np.array([0]), known, np.array([1, 2, 0]), pairs, [0, 1, 2], equal_pixels={(0, 2)}
    )
    assert group == Group("exact", "k/bytes", (Member("new/a", 1.0, "bytes"),))


def test_nothing_against_nothing() -> None:
    nothing = np.empty(0, np.int64)
    assert group_against([], nothing, [], nothing, make_pairs(), []) == []
    assert group_against([make_image("a")], np.zeros(1, np.int64), [], nothing, make_pairs(), []) == []
    assert group_against([], nothing, [make_image("a")], np.zeros(1, np.int64), make_pairs(), [0]) == []


@settings(max_examples=300, deadline=None)
@given(sides=two_sides())
def test_against_equals_the_twin(sides: TwoSides) -> None:
    assert grouped_against(sides) == twin_against(sides)


@settings(max_examples=100, deadline=None)
@given(sides=two_sides())
def test_a_known_image_is_never_a_member(sides: TwoSides) -> None:
    new, known = ({image.path for image in side.images} for side in (sides.new, sides.known))
    groups = grouped_against(sides)
    assert {group.keeper for group in groups} <= known
    members = [member.path for group in groups for member in group.members]
    assert set(members) <= new
    assert len(members) == len(set(members))
    matched = {a for a, _ in sides.scores}
    assert len(members) == sum(content in matched for content in sides.new.contents.tolist()), "one was lost"
