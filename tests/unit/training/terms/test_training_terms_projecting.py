"""The head and the prototypes: unit rows, PyTorch's own normalisation, one start for one random state."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from copylens.training.terms.projecting import BatchStandard, Projection, Prototypes
from copylens.training.terms.swav_settings import SwavHead


def test_standardises_as_batch_normalisation_in_training() -> None:
    torch.manual_seed(0)
    own, torchs = BatchStandard(5).double(), nn.BatchNorm1d(5, track_running_stats=False).double()
    for module in (own, torchs):
        module.weight.data, module.bias.data = torch.linspace(0.5, 2, 5).double(), torch.arange(5.0).double()
    rows, push = torch.randn(7, 5, dtype=torch.float64), torch.randn(7, 5, dtype=torch.float64)
    found = []
    for module in (own, torchs):
        leaf = rows.clone().requires_grad_()
        made = module(leaf)
        (made * push).sum().backward()
        found.append([made.detach(), leaf.grad, module.weight.grad, module.bias.grad])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(("kind", "dims", "learnt"), [("mlp", 4, 5), ("linear", 4, 2), ("none", 6, 0)])
def test_a_head_yields_unit_rows_in_float32(kind: SwavHead, dims: int, learnt: int) -> None:
    torch.manual_seed(1)
    head = Projection(kind, 6, hidden=9, dims=4)
    assert head.dims == dims
    assert len(list(head.parameters())) == learnt
    made = head(torch.randn(8, 6).half())
    assert made.shape == (8, dims)
    assert made.dtype == torch.float32
    torch.testing.assert_close(made.norm(dim=1), torch.ones(8))


def test_prototypes_are_unit_vectors_and_scores_cosines() -> None:
    torch.manual_seed(2)
    one = Prototypes(5, 3)
    torch.manual_seed(2)
    other = Prototypes(5, 3)
    assert torch.equal(one.weight, other.weight)
    torch.testing.assert_close(one.weight.norm(dim=1), torch.ones(5))
    direction = one.weight.detach().clone()
    one.weight.data *= torch.linspace(0.5, 3, 5)[:, None]
    one.to_unit_length()
    torch.testing.assert_close(one.weight.detach(), direction)
    rows = torch.randn(4, 3)
    expected = [[float(row @ prototype) for prototype in direction] for row in rows]
    torch.testing.assert_close(one(rows), torch.tensor(expected))
