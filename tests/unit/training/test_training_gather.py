"""Gathering and means on one process; `tests/distributed` has two."""

from __future__ import annotations

import pytest
import torch

from copylens.errors import UsageError
from copylens.training.gather import Portion, gather, means_over_processes, world_size


def portion(values: list[float]) -> Portion:
    terms = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    return Portion(terms.sum(), torch.tensor(len(values)))


def test_alone_everything_is_as_it_was() -> None:
    rows = torch.randn(3, 2, requires_grad=True)
    sources = torch.zeros(3, 2, dtype=torch.int64)
    batch = gather(rows, sources)
    assert world_size() == 1
    assert batch.descriptors is rows
    assert batch.sources is sources
    assert batch.offset == 0


@pytest.mark.parametrize("shapes", [((3, 2), (2, 2)), ((3, 2), (3, 1)), ((3,), (3, 2))])
def test_shapes_that_do_not_fit_are_refused(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    with pytest.raises(UsageError, match="need sources"):
        gather(torch.zeros(shapes[0]), torch.zeros(shapes[1], dtype=torch.int64))


def test_means_and_their_gradients() -> None:
    terms = torch.tensor([1.0, 2.0, 6.0], requires_grad=True)
    means = means_over_processes(
        {"some": Portion(terms.sum(), torch.tensor(3)), "none": Portion(terms.sum() * 0, torch.tensor(0))}
    )
    assert list(means) == ["some", "none"]
    assert means["some"].item() == 3
    assert means["none"].item() == 0
    (means["some"] + means["none"]).backward()  # type: ignore[no-untyped-call]
    assert terms.grad is not None
    torch.testing.assert_close(terms.grad, torch.full((3,), 1 / 3))


def test_a_mean_agrees_with_the_portion_itself() -> None:
    share = portion([0.1, 0.2, 0.7, 0.4])
    assert means_over_processes({"x": share})["x"].item() == pytest.approx(share.mean().item())
    assert portion([]).mean().item() == 0


def test_counts_beyond_float32_are_exact() -> None:
    terms = 2**24 + 1
    mean = means_over_processes({"x": Portion(torch.tensor(float(2**25)), torch.tensor(terms))})["x"]
    assert mean.item() == pytest.approx(2**25 / terms, rel=1e-7)
    assert mean.item() != 2.0


def test_what_has_no_gradient_gets_none() -> None:
    mean = means_over_processes({"x": Portion(torch.tensor(3.0), torch.tensor(2))})["x"]
    assert not mean.requires_grad
    assert mean.dtype == torch.float32
