"""Depthwise convolutions in float32: the same network, better gradients, and nothing else that changes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from copylens.networks.torchvision_shim import import_timm
from copylens.training.building import build_network
from copylens.training.depthwise import depthwise_in_float32
from copylens.training.settings import NetworkSettings

PIXELS = torch.rand(4, 8, 20, 20, generator=torch.Generator().manual_seed(1))


def plain(**options: Any) -> nn.Conv2d:
    return nn.Conv2d(8, 8, 5, padding=2, groups=8, **options)


def same(**options: Any) -> nn.Conv2d:
    made: nn.Conv2d = import_timm().layers.Conv2dSame(8, 8, 5, stride=2, groups=8, **options)
    return made


def run(module: nn.Module, *, bfloat16: bool) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Descriptors, gradient of the weights, gradient of the pixels."""
    pixels = PIXELS.clone().requires_grad_()
    module.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        out = module(pixels)
    out.float().square().sum().backward()
    weight = next(p for p in module.parameters() if p.ndim == 4)
    assert weight.grad is not None
    assert pixels.grad is not None
    return out, weight.grad.clone(), pixels.grad


@pytest.mark.parametrize("make", [plain, same])
def test_under_autocast_it_computes_what_it_computes_without(make: Callable[..., nn.Conv2d]) -> None:
    torch.manual_seed(0)
    module = make()
    exact, rough = run(module, bfloat16=False), run(module, bfloat16=True)
    assert rough[0].dtype == torch.bfloat16
    assert depthwise_in_float32(module) == 1
    for own, before, other in zip(run(module, bfloat16=True), exact, rough, strict=True):
        assert own.dtype == torch.float32
        assert torch.equal(own, before)
        assert not torch.equal(own, other)
    for own, before in zip(run(module, bfloat16=False), exact, strict=True):
        assert torch.equal(own, before)


def test_other_convolutions_stay_in_the_autocast() -> None:
    modules = nn.ModuleList(
        [nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3, groups=2), nn.Conv2d(1, 8, 3), nn.Linear(8, 8)]
    )
    assert depthwise_in_float32(modules) == 0
    with torch.autocast("cpu", torch.bfloat16):
        assert modules[0](PIXELS).dtype == torch.bfloat16


def test_several_channels_for_each_one_are_depthwise_too() -> None:
    module = nn.Conv2d(8, 16, 3, groups=8)
    assert depthwise_in_float32(module) == 1
    with torch.autocast("cpu", torch.bfloat16):
        assert module(PIXELS).dtype == torch.float32


def test_a_network_keeps_its_weights_its_kinds_and_can_be_copied() -> None:
    torch.manual_seed(0)
    network = build_network(
        NetworkSettings(backbone="tf_efficientnet_lite0", dims=16, pretrained=False)
    ).eval()
    pixels = torch.rand(2, 3, 64, 64)
    before, names = network(pixels), list(network.state_dict())
    assert depthwise_in_float32(network) == 16
    assert depthwise_in_float32(network) == 16
    assert list(network.state_dict()) == names
    assert torch.equal(network(pixels), before)
    copied = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in copied.parameters():
            parameter.zero_()
    assert torch.equal(network(pixels), before)
    assert not torch.equal(copied(pixels), before)
    kinds = {type(module) for module in network.modules() if isinstance(module, nn.Conv2d)}
    assert any(issubclass(kind, import_timm().layers.Conv2dSame) for kind in kinds)
    assert {kind.__name__ for kind in kinds} >= {"Float32Conv2d", "Float32Conv2dSame"}
