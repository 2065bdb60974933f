"""Which rows share a picture, against sets of pictures."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from copylens.training.losses.positives import own_column, share_a_source
from copylens.training.nouns import NOBODY
from loss_twins import pictures_of

SOURCES = st.lists(st.tuples(st.integers(NOBODY, 4), st.integers(NOBODY, 4)), min_size=1, max_size=7)


@settings(max_examples=60, deadline=None)
@given(SOURCES, SOURCES)
def test_equals_the_intersection_of_sets(a: list[tuple[int, int]], b: list[tuple[int, int]]) -> None:
    rows, columns = torch.tensor(a), torch.tensor(b)
    shared = share_a_source(rows, columns)
    assert shared.dtype == torch.bool
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            assert bool(shared[i, j]) == bool(pictures_of(row) & pictures_of(column))


def test_nobody_matches_nothing() -> None:
    nobody = torch.full((3, 2), NOBODY)
    assert not share_a_source(nobody, nobody).any()
    assert not share_a_source(torch.tensor([[5, NOBODY]]), torch.tensor([[6, NOBODY]])).any()


def test_keys_may_be_large() -> None:
    big = 2**62
    rows = torch.tensor([[big, NOBODY], [big + 1, NOBODY]])
    assert torch.equal(share_a_source(rows, rows), torch.eye(2, dtype=torch.bool))


def test_a_row_meets_itself_at_its_offset() -> None:
    own = own_column(2, 6, 3)
    assert own.nonzero().tolist() == [[0, 3], [1, 4]]
    assert torch.equal(own_column(4, 4, 0), torch.eye(4, dtype=torch.bool))
