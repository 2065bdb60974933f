"""Neighbours and copies are those of nested loops, whatever the size of the blocks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from copylens.errors import TooManyMatchesError
from copylens.training.mining import looking
from copylens.training.mining.looking import Alike, Described, look, nearest_score

THRESHOLD = 0.55


def described(count: int, *, seed: int = 0, broken: tuple[int, ...] = (), pairs: int = 0) -> Described:
    """Random rows of four dimensions; the first 2 x `pairs` are positives, two by two."""
    generator = torch.Generator().manual_seed(seed)
    sound = torch.ones(count, dtype=torch.bool)
    sound[list(broken)] = False
    groups = torch.arange(count)
    groups[1 : 2 * pairs : 2] = groups[0 : 2 * pairs : 2]
    rows = normalize(torch.randn(count, 4, generator=generator)) * sound[:, None]
    return Described(rows, sound, groups)


def naive(pictures: Described, threshold: float, count: int) -> tuple[list[list[int]], list[list[int]]]:
    rows, sound, groups = pictures.rows.double().tolist(), pictures.sound.tolist(), pictures.groups.tolist()
    neighbours, copies = [], []
    for i, row in enumerate(rows):
        scored = []
        for j, other in enumerate(rows):
            if groups[i] == groups[j] or not (sound[i] and sound[j]):
                continue
            score = sum(a * b for a, b in zip(row, other, strict=True))
            if score < threshold:
                scored.append((-score, j))
            elif i < j:
                copies.append([i, j])
        best = [j for _, j in sorted(scored)[:count]]
        neighbours.append(best + [-1] * (count - len(best)))
    return neighbours, copies


@pytest.mark.parametrize("blocks", [(1024, 16384), (5, 7), (1, 3), (40, 2)])
@pytest.mark.parametrize("count", [0, 1, 6, 36])
def test_equals_its_naive_twin(blocks: tuple[int, int], count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "ROWS", blocks[0])
    monkeypatch.setattr(looking, "COLUMNS", blocks[1])
    pictures = described(37, broken=(3, 20), pairs=6)
    found = look(pictures, threshold=THRESHOLD, count=count)
    neighbours, copies = naive(pictures, THRESHOLD, count)
    assert found.neighbours.tolist() == neighbours
    assert found.copies.tolist() == copies
    assert len(copies) > 20


def test_few_pictures_have_few_neighbours() -> None:
    found = look(described(3), threshold=2.0, count=5)
    assert (found.neighbours >= 0).sum(axis=1).tolist() == [2, 2, 2]
    alone = look(described(1), threshold=0.5, count=2)
    assert isinstance(alone, Alike)
    assert alone.neighbours.tolist() == [[-1, -1]]
    assert alone.copies.shape == (0, 2)


def test_a_network_that_takes_everything_for_copies_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = described(40)
    monkeypatch.setattr(looking, "PAIRS_EACH", 20)
    assert len(look(pictures, threshold=-1.5, count=1).copies) == 40 * 39 // 2
    monkeypatch.setattr(looking, "PAIRS_EACH", 19)
    with pytest.raises(
        TooManyMatchesError, match=r"More than 760 pairs of 40 pictures score -1\.500 or more"
    ):
        look(pictures, threshold=-1.5, count=1)


def test_the_nearest_negative_of_a_batch_equals_its_naive_twin() -> None:
    pictures = described(30, broken=(4,), pairs=5)
    batches = np.random.default_rng(1).permutation(30).reshape(5, 6)
    rows, sound, groups = pictures.rows.double(), pictures.sound, pictures.groups
    best = []
    for batch in batches.tolist():
        for i in batch:
            scores = [
                float(rows[i] @ rows[j])
                for j in batch
                if groups[i] != groups[j] and sound[i] and sound[j] and float(rows[i] @ rows[j]) < THRESHOLD
            ]
            best += [max(scores)] if scores else []
    assert nearest_score(pictures, batches, threshold=THRESHOLD) == pytest.approx(np.mean(best), abs=1e-6)
    assert nearest_score(pictures, np.array([[4, 7], [0, 1]]), threshold=THRESHOLD) is None
