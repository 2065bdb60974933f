"""Joins with views against nested loops; which view made a score, in matches and groups."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copylens.errors import TooManyMatchesError
from copylens.matching import (
    KeepRules,
    Limits,
    Pairs,
    cross_join_views,
    group_against,
    group_images,
    keep_order,
    matches_against,
    matches_within,
    self_join,
    self_join_views,
    view_joins,
)
from copylens.matching.containment import is_part
from copylens.records import Descriptors, Group, ImageFacts, MatchedView, Member, Related, View, ViewSide

Views = npt.NDArray[np.float32]
Row = tuple[int, int, float, int]


def quarters(seed: int, *shape: int) -> npt.NDArray[np.float32]:
    """Whole quarters: every product is exact in float32, so the twins must agree to the last bit."""
    return (np.random.default_rng(seed).integers(-3, 4, shape) / 4).astype(np.float32)


def best(
    query: Descriptors, query_views: Views, known: Descriptors, known_views: Views, limits: Limits
) -> tuple[float, int]:
    """The larger of the wholes' score, then of each view's, in the documented order of equal ones; zeros are none."""
    choices = [(min(float(query @ known), 1.0), 0)]
    penalties = [0.0] * limits.free + [limits.penalty] * len(query_views)
    choices += [
        (min(float(view @ known), 1.0) - penalties[n - 1], n)
        for n, view in enumerate(query_views, 1)
        if any(view)
    ]
    choices += [
        (min(float(view @ query), 1.0) - penalties[n - 1], -n)
        for n, view in enumerate(known_views, 1)
        if any(view)
    ]
    return max(choices, key=lambda choice: choice[0])


def twin(
    queries: Descriptors, query_views: Views, known: Descriptors, known_views: Views, limits: Limits
) -> list[Row]:
    found = []
    for a in range(len(queries)):
        for b in range(len(known)):
            score, origin = best(queries[a], query_views[a], known[b], known_views[b], limits)
            if score >= limits.threshold:
                found.append((a, b, score, origin))
    return found


def rows_of(pairs: Pairs) -> list[Row]:
    assert pairs.origins is not None
    columns = (pairs.first, pairs.second, pairs.scores, pairs.origins)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def reading(views: Views) -> Callable[[int, int], Views]:
    return lambda start, stop: views[start:stop]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    counts=st.tuples(st.integers(0, 7), st.integers(0, 7), st.integers(1, 4)),
    threshold=st.integers(-12, 16),
    penalty=st.integers(0, 4),
    free=st.integers(0, 5),
    block=st.sampled_from([1, 3, 2048]),
)
def test_equal_the_nested_loops(
    seed: int, counts: tuple[int, int, int], threshold: int, penalty: int, free: int, block: int
) -> None:
    asked, others, views = counts
    queries, query_views = quarters(seed, asked, 3), quarters(seed + 1, asked, views, 3)
    known, known_views = quarters(seed + 2, others, 3), quarters(seed + 3, others, views, 3)
    for some in (query_views, known_views):
        some[np.random.default_rng(seed).random(some.shape[:2]) < 0.3] = 0.0
    limits = Limits(threshold / 16, penalty / 16, free)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(view_joins, "BLOCK", block)
        found = cross_join_views(
            (queries, reading(query_views)), (known, reading(known_views)), views, limits
        )
        within = self_join_views(queries, reading(query_views), views, limits)
    assert rows_of(found) == twin(queries, query_views, known, known_views, limits)
    expected = twin(queries, query_views, queries, query_views, limits)
    assert rows_of(within) == [row for row in expected if row[0] < row[1]]


def test_views_that_show_nothing_change_nothing() -> None:
    wholes = quarters(5, 20, 3)
    found = self_join_views(wholes, reading(np.zeros((20, 2, 3), np.float32)), 2, Limits(0.5, 0.1))
    plain = self_join(wholes, 0.5)
    np.testing.assert_array_equal(found.first, plain.first)
    np.testing.assert_array_equal(found.second, plain.second)
    np.testing.assert_array_equal(found.scores, plain.scores)


def test_two_views_are_never_compared() -> None:
    wholes = np.eye(4, dtype=np.float32)[:2]
    alike = np.repeat(np.eye(4, dtype=np.float32)[3:], 2, axis=0).reshape(2, 1, 4)
    assert len(self_join_views(wholes, reading(alike), 1, Limits(0.5, 0.0))) == 0


def test_the_progress_ends_at_its_total() -> None:
    calls: list[tuple[int, int]] = []
    views = reading(quarters(1, 5, 2, 3))
    self_join_views(quarters(0, 5, 3), views, 2, Limits(0.9, 0), progress=lambda *call: calls.append(call))
    assert calls[-1] == (10, 10)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


def test_too_many_pairs_are_refused() -> None:
    same = np.ones((9, 1), np.float32)
    views = reading(np.ones((9, 2, 1), np.float32))
    with pytest.raises(TooManyMatchesError):
        self_join_views(same, views, 2, Limits(0.5, 0), max_pairs=30)


VIEWS = (View(0, 0, 0.5, 0.5), View(turn="hflip"))


def image(path: str, width: int) -> ImageFacts:
    return ImageFacts(path, 10, 1, width, 10, "PNG", path)


@pytest.mark.parametrize(("origin", "owner"), [(1, "small"), (-2, "large")])
def test_matches_and_groups_say_whose_view_it_was(origin: int, owner: str) -> None:
    """Content 0 is the small picture, content 1 the large one, which is the one to keep."""
    images, contents = [image("small", 5), image("large", 9)], np.array([0, 1])
    pairs = Pairs(np.array([0]), np.array([1]), np.array([0.9], np.float32), np.array([origin]))
    order = keep_order(images, KeepRules.parse("resolution"))
    view = VIEWS[abs(origin) - 1]
    small = owner == "small"
    side: ViewSide = "other" if small else "keeper"
    (group,) = group_images(images, contents, pairs, order, views=VIEWS)
    assert group.keeper == "large"
    assert shown_by(group) == MatchedView(side, view)
    (match,) = matches_within(images, contents, pairs, order, views=VIEWS)
    assert (match.query, match.reference) == ("small", "large")
    assert match.view == MatchedView("query" if small else "reference", view)
    sides = (images[:1], contents[:1], images[1:], contents[1:], pairs)
    (group,) = group_against(*sides, [0], views=VIEWS)
    assert shown_by(group) == MatchedView(side, view)
    (match,) = matches_against(*sides, [0], views=VIEWS)
    assert match.view == MatchedView("query" if small else "reference", view)


def shown_by(group: Group) -> MatchedView:
    """The view of the one picture in a group beside the keeper: a part relates, the whole turned makes a copy."""
    beside: list[Member | Related] = [*group.members, *group.related]
    (other,) = beside
    assert other.view is not None
    assert isinstance(other, Member) == (not is_part(other.view.view))
    return other.view
