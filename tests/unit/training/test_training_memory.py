"""The memory holds exactly the last rows, knows their pictures, and continues from its state."""

from __future__ import annotations

import io
from collections import deque

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from copylens.errors import UsageError
from copylens.training.memory import DescriptorMemory
from copylens.training.nouns import NOBODY


def rows(count: int, start: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows that can be told apart, of pictures `start`, `start` + 1, ..."""
    numbers = torch.arange(start, start + count)
    return torch.stack([numbers, -numbers, numbers * 2], dim=1).float(), torch.stack(
        [numbers, torch.full_like(numbers, NOBODY)], dim=1
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9), st.lists(st.integers(1, 12), max_size=6))
def test_holds_the_last_rows_in_order(size: int, batches: list[int]) -> None:
    memory = DescriptorMemory(size, 3)
    expected: deque[tuple[torch.Tensor, torch.Tensor]] = deque(maxlen=size)
    start = 0
    for count in batches:
        descriptors, sources = rows(count, start)
        memory.add(descriptors, sources)
        expected.extend(zip(descriptors, sources, strict=True))
        start += count
        assert len(memory) == len(expected)
        assert torch.equal(memory.descriptors, torch.stack([row for row, _ in expected]))
        assert torch.equal(memory.sources, torch.stack([source for _, source in expected]))


def test_the_same_picture_of_a_former_batch_is_no_negative() -> None:
    memory = DescriptorMemory(4, 3)
    memory.add(*rows(4, start=10))
    extra = memory.negatives_of(torch.tensor([[11, NOBODY], [12, 10], [NOBODY, NOBODY]]))
    assert extra is not None
    assert torch.equal(extra.descriptors, memory.descriptors)
    assert extra.allowed.tolist() == [
        [True, False, True, True],
        [False, True, False, True],
        [True, True, True, True],
    ]


def test_offers_nothing_while_empty_or_warming_up() -> None:
    _, sources = rows(2, start=50)
    assert DescriptorMemory(4, 3).negatives_of(sources) is None
    memory = DescriptorMemory(4, 3, warm_up=2)
    memory.add(*rows(2, start=0))
    assert memory.negatives_of(sources) is None
    memory.add(*rows(2, start=2))
    extra = memory.negatives_of(sources)
    assert extra is not None
    assert len(extra.descriptors) == 4


def test_keeps_no_graph_and_float32() -> None:
    memory = DescriptorMemory(4, 3)
    descriptors, sources = rows(2, start=0)
    leaf = descriptors.to(torch.bfloat16).requires_grad_()
    memory.add(leaf * 1, sources)
    assert not memory.descriptors.requires_grad
    assert memory.descriptors.dtype == torch.float32
    assert torch.equal(memory.descriptors, descriptors)


def test_does_not_share_storage_with_what_was_added() -> None:
    memory = DescriptorMemory(2, 3)
    descriptors, sources = rows(2, start=1)
    memory.add(descriptors, sources)
    descriptors.zero_()
    sources.zero_()
    assert torch.equal(memory.descriptors, rows(2, start=1)[0])
    assert torch.equal(memory.sources, rows(2, start=1)[1])


def test_continues_exactly_from_its_state() -> None:
    memory = DescriptorMemory(5, 3, warm_up=3)
    for start in (0, 3):
        memory.add(*rows(3, start))
    file = io.BytesIO()
    torch.save(memory.state_dict(), file)
    file.seek(0)
    other = DescriptorMemory(5, 3, warm_up=3)
    other.load_state_dict(torch.load(file, weights_only=True))
    _, sources = rows(2, start=90)
    for each in (memory, other):
        assert each.negatives_of(sources) is None
        each.add(*rows(3, start=6))
        assert each.negatives_of(sources) is not None
    assert torch.equal(memory.descriptors, other.descriptors)
    assert torch.equal(memory.sources, other.sources)


def test_a_state_is_a_snapshot() -> None:
    memory = DescriptorMemory(5, 3)
    memory.add(*rows(3, start=0))
    state = memory.state_dict()
    state["descriptors"].zero_()
    assert torch.equal(memory.descriptors, rows(3, start=0)[0])


def test_a_state_of_other_settings_is_refused() -> None:
    memory = DescriptorMemory(5, 3)
    memory.add(*rows(5, start=0))
    for other in (DescriptorMemory(4, 3), DescriptorMemory(5, 2)):
        with pytest.raises(UsageError, match="continue with the settings of the saved run"):
            other.load_state_dict(memory.state_dict())


@pytest.mark.parametrize(("size", "dims", "warm_up"), [(0, 3, 0), (4, 0, 0), (4, 3, -1)])
def test_impossible_settings_are_refused(size: int, dims: int, warm_up: int) -> None:
    with pytest.raises(UsageError, match="A memory needs"):
        DescriptorMemory(size, dims, warm_up=warm_up)


def test_rows_of_other_dimensions_are_refused() -> None:
    with pytest.raises(UsageError, match=r"holds 4 dimensions, not rows of \(2, 3\)"):
        DescriptorMemory(4, 4).add(*rows(2, start=0))
