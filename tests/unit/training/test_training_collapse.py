"""The effective rank of known clouds, and what is said of descriptors that are about to collapse."""

from __future__ import annotations

import pytest
import torch

from copylens.training.collapse import collapse_warning, effective_rank


def test_known_clouds() -> None:
    assert effective_rank(torch.ones(8, 5)) == 0.0
    line = torch.linspace(-1, 1, 9)[:, None] * torch.tensor([[3.0, 4.0, 0.0]])
    assert effective_rank(line) == pytest.approx(1.0, abs=1e-4)
    axes = torch.cat([torch.eye(6), -torch.eye(6)])
    assert effective_rank(axes) == pytest.approx(6.0, abs=1e-4)


def test_two_axes_of_unequal_width_by_hand() -> None:
    # Variances 9 and 1: shares .9 and .1, entropy .325083, exponential 1.38415.
    cloud = torch.tensor([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    assert effective_rank(cloud) == pytest.approx(1.38415, abs=1e-4)


def test_neither_place_nor_rotation_nor_scale_matters() -> None:
    rows = torch.randn(40, 6, generator=torch.Generator().manual_seed(0))
    turn = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(1))).Q
    assert effective_rank(rows @ turn * 5 + 7) == pytest.approx(effective_rank(rows), rel=1e-3)


def test_what_is_said() -> None:
    assert collapse_warning(0.5, 30.0, rows=64, dims=64) is None
    assert "nearest negative scores 0.990" in (collapse_warning(0.99, 30.0, rows=64, dims=64) or "")
    assert "1.2 of 63 directions" in (collapse_warning(0.5, 1.2, rows=64, dims=512) or "")


def test_a_small_batch_is_not_blamed_for_its_size() -> None:
    assert collapse_warning(0.5, 3.0, rows=4, dims=512) is None
