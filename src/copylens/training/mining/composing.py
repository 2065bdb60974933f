"""A random order, and who is like whom, in; an order of the same pictures whose batches hold look-alikes out.

Shapes: K pictures, by position; G pictures a batch over all processes; P pairs of copies. Whole batches come first;
what is left over stands behind them and waits for another epoch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from copylens.training.mining.looking import Alike, Ints

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Composed:
    """An order.

    Attributes:
        places: ``(K,) int64``, a permutation.
        grouped: how many pictures of whole batches came in groups of look-alikes.
        together: pairs of copies that no exchange could part: they share a batch.
    """

    places: Ints
    grouped: int
    together: int


class Bonds:
    """Which pictures must not come into one group: copies, and positives of each other.

    Args:
        groups: ``(K,) int64``: pictures of one group are positives.
        copies: ``(P, 2) int64``.
    """

    def __init__(self, groups: Ints, copies: Ints) -> None:
        self.groups: list[int] = groups.tolist()
        self.copies: dict[int, list[int]] = defaultdict(list)
        for first, second in copies.tolist():
            self.copies[first].append(second)
            self.copies[second].append(first)

    def allow(self, picture: int, members: Sequence[int]) -> bool:
        """Whether a picture may join a group."""
        if any(self.groups[picture] == self.groups[member] for member in members):
            return False
        return picture not in self.copies or not set(self.copies[picture]).intersection(members)


def groups_of_neighbours(base: Ints, alike: Alike, bonds: Bonds, size: int) -> Iterator[list[int]]:
    """Group each picture, in the order `base`, with its nearest ones that are still free.

    Gives groups of 2 to `size` pictures; no picture comes twice.
    """
    taken: set[int] = set()
    for seed in base.tolist():
        if seed in taken:
            continue
        members = [seed]
        for other in alike.neighbours[seed].tolist():
            if len(members) == size or other < 0:
                break
            if other not in taken and bonds.allow(other, members):
                members.append(other)
        if len(members) > 1:
            taken.update(members)
            yield members


def groups_of_clusters(base: Ints, clusters: Ints, bonds: Bonds, size: int) -> Iterator[list[int]]:
    """Group pictures of one cluster as they come in the order `base`.

    Args:
        base: ``(K,) int64``.
        clusters: ``(K,) int64``; -1 is in none.
        bonds: who must not come together.
        size: of a group.

    Gives groups of `size` pictures, then what is left of each cluster, at least 2; no picture comes twice.
    """
    open_groups: dict[int, list[int]] = {}
    for picture in base.tolist():
        cluster = int(clusters[picture])
        if cluster < 0:
            continue
        members = open_groups.setdefault(cluster, [])
        if bonds.allow(picture, members):
            members.append(picture)
        if len(members) == size:
            yield open_groups.pop(cluster)
    yield from (members for members in open_groups.values() if len(members) > 1)


def compose(
    base: Ints, groups: Iterator[list[int]], bonds: Bonds, *, batch: int, share: float, size: int
) -> Composed:
    """Deal groups over the batches, fill up with what comes next in the random order, and part copies.

    Args:
        base: ``(K,) int64``, a random order.
        groups: of look-alikes, no picture in two.
        bonds: which pictures are copies.
        batch: G.
        share: which part of a batch is groups.
        size: of a whole group.
    """
    steps = len(base) // batch
    each = min(max(1, round(share * batch / size)), batch // size)
    dealt: list[list[int]] = [[] for _ in range(steps)]
    for number, members in zip(range(steps * each), groups, strict=False):
        dealt[number % steps] += members
    chosen = np.zeros(len(base), bool)
    chosen[[picture for members in dealt for picture in members]] = True
    rest, taken, batches = base[~chosen[base]], 0, []
    for members in dealt:
        filling = batch - len(members)
        batches.append(np.concatenate([np.array(members, np.int64), rest[taken : taken + filling]]))
        taken += filling
    places = np.concatenate([*batches, rest[taken:]])
    together = _part_copies(places, chosen, base, bonds, batch)
    return Composed(_in_random_order(places, base, batch), int(chosen.sum()), together)


def _in_random_order(places: Ints, base: Ints, batch: int) -> Ints:
    """Let the pictures of a batch stand as the random order has them, so that processes get equal parts of groups."""
    when = np.empty(len(base), np.int64)
    when[base] = np.arange(len(base))
    steps = np.arange(len(base)) // batch
    return places[np.lexsort((when[places], steps))]


def _part_copies(places: Ints, grouped: Flags, base: Ints, bonds: Bonds, batch: int) -> int:
    """Exchange pictures of different batches, in place, until no batch holds two copies; count pairs that stay."""
    exchange = _Exchange(places, grouped, base, bonds, batch)
    for first in sorted(bonds.copies):
        for second in bonds.copies[first]:
            if first < second and exchange.meet(first, second):
                # Rather one that stands in no group.
                movers = (first, second) if grouped[second] and not grouped[first] else (second, first)
                _ = exchange.move(movers[0]) or exchange.move(movers[1])
    return sum(
        first < second and exchange.meet(first, second)
        for first, others in bonds.copies.items()
        for second in others
    )


class _Exchange:
    """Who stands where, and who could change places.

    Args:
        places: ``(K,) int64``, changed in place.
        grouped: ``(K,) bool``, by picture.
        base: ``(K,) int64``, the random order, from which the search for a partner starts.
        bonds: which pictures are copies.
        batch: G.
    """

    def __init__(self, places: Ints, grouped: Flags, base: Ints, bonds: Bonds, batch: int) -> None:
        self.places, self.grouped, self.bonds = places, grouped, bonds
        self.steps = len(places) // batch
        self.batch_of = np.arange(len(places)) // batch
        self.position = np.empty(len(places), np.int64)
        self.position[places] = np.arange(len(places))
        self.start = np.empty(len(places), np.int64)
        self.start[base] = np.arange(len(places))

    def meet(self, first: int, second: int) -> bool:
        """Whether two pictures share a batch; those left over do not."""
        where = self.batch_of[self.position[first]]
        return bool(where < self.steps and where == self.batch_of[self.position[second]])

    def move(self, picture: int) -> bool:
        """Exchange a picture that meets a copy with one of another batch, so that neither does; False if none can."""
        copies, own = self.bonds.copies, self.batch_of[self.position[picture]]
        barred = np.zeros(self.steps + 2, bool)
        barred[self.batch_of[self.position[copies[picture]]]] = True
        # Those left over meet nobody.
        barred[self.steps :] = False
        free = ~barred[self.batch_of]
        for neighbour in self.places[self.batch_of == own].tolist():
            if neighbour != picture:
                free[self.position[copies.get(neighbour, [])]] = False
        for allowed in (free & ~self.grouped[self.places], free):
            partners = np.flatnonzero(allowed)
            if len(partners):
                after = int(np.searchsorted(partners, self.start[picture]))
                self._swap(picture, int(self.places[partners[after % len(partners)]]))
                return True
        return False

    def _swap(self, one: int, other: int) -> None:
        here, there = self.position[one], self.position[other]
        self.places[here], self.places[there] = other, one
        self.position[one], self.position[other] = there, here
