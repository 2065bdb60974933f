"""The order is the one that its definition gives, and processes share it without overlap."""

from __future__ import annotations

import numpy as np
import pytest

from copylens.training.data.order import Order, shuffled

MASK = (1 << 64) - 1


def mix(value: int) -> int:
    """One step of splitmix64, in Python's whole numbers."""
    value = (value + 0x9E3779B97F4A7C15) & MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def naive(keys: list[int], seed: int, epoch: int) -> list[int]:
    salt = mix((mix(seed & MASK) + epoch) & MASK)
    ranks = [mix(((key * 0x9E3779B97F4A7C15) & MASK) ^ salt) for key in keys]
    return sorted(range(len(keys)), key=lambda place: ranks[place])


def order(count: int, *, batch: int, rank: int = 0, world: int = 1) -> Order:
    return Order(shuffled(np.arange(count), 5, 0), batch, rank, world)


@pytest.mark.parametrize(("seed", "epoch"), [(0, 0), (0, 1), (1, 0), (-3, 7), (2**40, 10**6)])
def test_equals_its_naive_twin(seed: int, epoch: int) -> None:
    keys = [3, 4, 9, 10, 500, 2**40, 2**62]
    assert shuffled(np.array(keys), seed, epoch).tolist() == naive(keys, seed, epoch)


def test_the_first_step_of_splitmix_is_the_published_one() -> None:
    """Seed 0 of the generator starts with this number (Vigna's splitmix64.c)."""
    assert mix(0) == 0xE220A8397B1DCDAF


def test_every_epoch_and_seed_is_another_permutation() -> None:
    keys = np.arange(1000)
    found = [shuffled(keys, seed, epoch) for seed in range(4) for epoch in range(4)]
    assert all(np.array_equal(np.sort(places), keys) for places in found)
    assert len({tuple(places) for places in found}) == len(found)
    # Unrelated permutations share one place in a thousand with each other, and with no order at all.
    agreeing = [np.mean(a == b) for i, a in enumerate([keys, *found]) for b in found[i:] if a is not b]
    assert max(agreeing) < 0.02


def test_leaving_pictures_out_does_not_reorder_the_others() -> None:
    keys = np.arange(200)
    some = keys[keys % 3 != 1]
    whole = keys[shuffled(keys, 1, 2)]
    assert np.array_equal(some[shuffled(some, 1, 2)], whole[whole % 3 != 1])


@pytest.mark.parametrize(("count", "batch", "world"), [(50, 4, 3), (48, 4, 3), (12, 4, 3), (30, 7, 1)])
def test_processes_part_the_epoch(count: int, batch: int, world: int) -> None:
    ranks = [order(count, batch=batch, rank=rank, world=world) for rank in range(world)]
    assert {part.steps for part in ranks} == {count // (batch * world)}
    for step in range(ranks[0].steps):
        together = [position for part in ranks for position in part.step(step)]
        assert together == list(order(count, batch=batch * world).step(step))
    seen = [p for part in ranks for step in range(part.steps) for p in part.step(step)]
    assert sorted(seen) == list(range(count // (batch * world) * batch * world))


@pytest.mark.parametrize("count", [6, 7, 11, 18, 31])
def test_substitutes_are_all_others_and_differ_within_a_step(count: int) -> None:
    plan = order(count, batch=3, world=2)
    tried = {position: list(plan.substitutes(position)) for position in range(plan.steps * 6)}
    for position, substitutes in tried.items():
        assert set(substitutes) == set(range(count)) - {position}
    for first in range(0, plan.steps * 6, 6):
        for place in range(plan.steps - 1):
            assert len({tried[position][place] for position in range(first, first + 6)}) == 6
