"""Residual branches start at zero in every family that is known."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from copylens.networks.initialising import open_residual_branches, zero_residual_branches
from copylens.networks.torchvision_shim import import_timm


def backbone(name: str, classes: int = 0) -> nn.Module:
    torch.manual_seed(3)
    made: nn.Module = import_timm().create_model(name, num_classes=classes, global_pool="")
    return made


def blocks_with_skip(network: nn.Module) -> list[nn.Module]:
    return [m for m in network.modules() if hasattr(m, "zero_init_last") or getattr(m, "has_skip", False)]


@pytest.mark.parametrize(
    "name", ["resnet18", "resnext50_32x4d", "tf_efficientnet_lite0", "mobilenetv4_conv_small"]
)
@torch.no_grad()
def test_every_branch_is_the_identity_at_the_start(name: str) -> None:
    network = backbone(name).eval()
    blocks = blocks_with_skip(network)
    assert blocks
    assert zero_residual_branches(network) == len(blocks)
    checked = 0
    for block in blocks:
        seen: list[tuple[torch.Tensor, torch.Tensor]] = []

        def note(
            _: nn.Module,
            inputs: tuple[torch.Tensor, ...],
            output: torch.Tensor,
            seen: list[tuple[torch.Tensor, torch.Tensor]] = seen,
        ) -> None:
            seen.append((inputs[0], output))

        handle = block.register_forward_hook(note)
        network(torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
        handle.remove()
        if getattr(block, "downsample", None) is None:
            # Activations before a block are not negative in ResNets, so that their last ReLU changes nothing.
            before, after = seen[0]
            torch.testing.assert_close(after, before)
            checked += 1
    assert checked


@pytest.mark.parametrize(("name", "closed"), [("resnet18", True), ("tf_efficientnet_lite0", False)])
def test_closed_branches_are_opened_and_others_left(name: str, closed: bool) -> None:
    """timm closes the branches of its ResNets by itself."""
    network = backbone(name)
    blocks = len(blocks_with_skip(network))
    given = {key: value.clone() for key, value in network.state_dict().items()}
    assert open_residual_branches(network) == (blocks if closed else 0)
    moved = [key for key, value in network.state_dict().items() if not torch.equal(value, given[key])]
    assert len(moved) == (blocks if closed else 0)
    assert open_residual_branches(network) == 0
    zero_residual_branches(network)
    assert open_residual_branches(network) == blocks
    state = network.state_dict()
    assert all((state[key] == 1).all() for key in moved)


def test_a_network_without_known_branches_says_none() -> None:
    assert zero_residual_branches(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))) == 0
