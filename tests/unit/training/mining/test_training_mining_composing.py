"""A composed order is a permutation, holds look-alikes together and copies apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copylens.training.data.order import shuffled
from copylens.training.mining.composing import (
    Bonds,
    compose,
    groups_of_clusters,
    groups_of_neighbours,
)
from copylens.training.mining.looking import Alike

Ints = npt.NDArray[np.int64]


def base_of(count: int, seed: int = 0) -> Ints:
    return shuffled(np.arange(count), seed, 0)


def no_bonds(count: int) -> Bonds:
    return Bonds(np.arange(count), np.empty((0, 2), np.int64))


def lists_of(count: int, width: int, seed: int) -> Ints:
    """Random lists of neighbours, none of itself; the ends of some are missing."""
    dice = np.random.default_rng(seed)
    lists = np.array([dice.permutation(np.delete(np.arange(count), i))[:width] for i in range(count)])
    lists[np.arange(width) >= dice.integers(0, width + 3, count)[:, None]] = -1
    return lists


def copies_of(count: int, pairs: int, seed: int) -> Ints:
    drawn = np.random.default_rng(seed).integers(0, count, (pairs, 2))
    drawn = np.sort(drawn[drawn[:, 0] != drawn[:, 1]], axis=1)
    return np.unique(drawn, axis=0)


def meetings(places: Ints, copies: Ints, batch: int) -> int:
    """Pairs of copies in one batch, by looking at every batch."""
    steps = len(places) // batch
    return sum(
        {int(first), int(second)} <= set(places[step * batch : (step + 1) * batch].tolist())
        for step in range(steps)
        for first, second in copies
    )


@given(
    count=st.integers(2, 60),
    batch=st.integers(2, 12),
    size=st.integers(2, 12),
    share=st.floats(0.01, 1.0),
    kind=st.sampled_from(["neighbours", "clusters"]),
    pairs=st.integers(0, 12),
    seed=st.integers(0, 5),
)
def test_it_is_a_permutation_that_parts_copies(
    count: int, batch: int, size: int, share: float, kind: str, pairs: int, seed: int
) -> None:
    batch = min(batch, count)
    size = min(size, batch)
    base, copies = base_of(count, seed), copies_of(count, pairs, seed)
    positives = np.arange(count) // 2 * 2 if seed % 2 else np.arange(count)
    copies = copies[positives[copies[:, 0]] != positives[copies[:, 1]]]
    bonds = Bonds(positives, copies)

    def groups() -> list[list[int]]:
        if kind == "neighbours":
            alike = Alike(lists_of(count, min(5, count - 1), seed), copies)
            return list(groups_of_neighbours(base, alike, bonds, size))
        clusters = np.random.default_rng(seed).integers(-1, 6, count)
        return list(groups_of_clusters(base, clusters, bonds, size))

    made = groups()
    assert all(2 <= len(members) <= size for members in made)
    flat = [picture for members in made for picture in members]
    assert len(set(flat)) == len(flat)
    forbidden = {frozenset(pair) for pair in copies.tolist()}
    for members in made:
        assert len({int(positives[picture]) for picture in members}) == len(members)
        assert not any({a, b} in forbidden for a in members for b in members if a < b)
    composed = compose(base, iter(groups()), bonds, batch=batch, share=share, size=size)
    assert sorted(composed.places.tolist()) == list(range(count))
    assert meetings(composed.places, copies, batch) == composed.together
    again = compose(base, iter(groups()), bonds, batch=batch, share=share, size=size)
    assert np.array_equal(again.places, composed.places)
    # With enough batches every copy finds another one.
    degree = max((len(others) for others in bonds.copies.values()), default=0)
    if count // batch > 2 * degree + 1:
        assert composed.together == 0


def test_pictures_come_with_their_nearest_free_ones() -> None:
    base = np.array([2, 0, 1, 3, 4, 5])
    neighbours = np.array([[1, 2, 3], [0, 2, 3], [4, 5, 0], [2, 0, 1], [5, 3, 0], [4, -1, -1]])
    made = list(groups_of_neighbours(base, Alike(neighbours, np.empty((0, 2), int)), no_bonds(6), 3))
    assert made == [[2, 4, 5], [0, 1, 3]]
    # 4 is a copy of 5, so 2 takes its third neighbour; 1 is a positive of 3.
    bonds = Bonds(np.array([0, 1, 2, 1, 4, 5]), np.array([[4, 5]]))
    made = list(groups_of_neighbours(base, Alike(neighbours, bonds_pairs(bonds)), bonds, 3))
    assert made == [[2, 4, 0]]


def bonds_pairs(bonds: Bonds) -> Ints:
    return np.array([[a, b] for a, others in bonds.copies.items() for b in others if a < b])


def test_clusters_are_cut_into_groups() -> None:
    clusters = np.array([0, 1, 0, 0, 1, 0, -1, 2])
    made = list(groups_of_clusters(np.arange(8), clusters, no_bonds(8), 3))
    assert made == [[0, 2, 3], [1, 4]]


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_a_batch_holds_its_share_of_groups(share: float) -> None:
    """Sixteen clusters of sixteen pictures; batches of 32 with groups of four."""
    clusters = np.arange(256) % 16
    base = base_of(256)
    groups = groups_of_clusters(base, clusters, no_bonds(256), 4)
    composed = compose(base, groups, no_bonds(256), batch=32, share=share, size=4)
    assert composed.grouped == 256 * share
    alike = [
        float(np.mean([(clusters[batch] == clusters[picture]).sum() - 1 for picture in batch]))
        for batch in composed.places.reshape(8, 32)
    ]
    # A random batch has two pictures of each cluster: a little less than one other.
    assert min(alike) > 1.0 + share
    assert composed.together == 0


def test_the_pictures_of_a_batch_stand_in_random_order() -> None:
    base = base_of(64)
    groups = groups_of_clusters(base, np.arange(64) % 8, no_bonds(64), 8)
    composed = compose(base, groups, no_bonds(64), batch=16, share=1.0, size=8)
    when = np.argsort(base)
    for batch in composed.places.reshape(4, 16):
        assert (np.diff(when[batch]) > 0).all()


def test_copies_that_cannot_be_parted_are_counted() -> None:
    """Five copies of one picture in two batches of four: the first holds three or the second does."""
    copies = np.array([[a, b] for a in range(5) for b in range(a + 1, 5)])
    base = base_of(8)
    composed = compose(base, iter([]), Bonds(np.arange(8), copies), batch=4, share=0.5, size=2)
    assert composed.together == meetings(composed.places, copies, 4) >= 4
    # What is left over has no batch, so here two find a place where they do no harm.
    copies = np.array([[0, 1], [0, 2], [1, 2]])
    composed = compose(base_of(9), iter([]), Bonds(np.arange(9), copies), batch=4, share=0.5, size=2)
    assert composed.together == 0


def composed_apart(count: int, copies: Ints, seed: int) -> int:
    """Compose batches of four with random groups, and count copies that meet."""
    base, bonds = base_of(count, seed), Bonds(np.arange(count), copies)
    clusters = np.random.default_rng(seed).integers(0, 5, count)
    groups = groups_of_clusters(base, clusters, bonds, 2)
    composed = compose(base, groups, bonds, batch=4, share=0.5, size=2)
    assert composed.together == meetings(composed.places, copies, 4)
    return composed.together


def test_whoever_comes_in_exchange_is_no_copy_either() -> None:
    """A picture with eight copies among 24: whoever takes the place of one must not be another."""
    star = np.array([[0, other] for other in range(1, 9)])
    assert [composed_apart(24, star, seed) for seed in range(40)] == [0] * 40


def test_those_left_over_may_be_copies() -> None:
    """Four copies, two batches and two pictures left over: only one way to part them."""
    copies = np.array([[a, b] for a in range(4) for b in range(a + 1, 4)])
    assert [composed_apart(10, copies, seed) for seed in range(40)] == [0] * 40
