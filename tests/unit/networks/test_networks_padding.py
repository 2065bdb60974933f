"""Constant padding computes what timm's SAME padding computes, whatever size, stride and kernel."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from copylens.networks.padding import with_constant_padding
from copylens.networks.sscd import SSCDNetwork
from copylens.networks.torchvision_shim import import_timm

Conv2dSame: Any = import_timm().layers.Conv2dSame


def same_layers(network: nn.Module) -> int:
    return sum(isinstance(module, Conv2dSame) for module in network.modules())


def pixels(height: int, width: int) -> torch.Tensor:
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(0))


def naive_same(x: torch.Tensor, layer: Any) -> torch.Tensor:
    """TensorFlow's rule, position by position: ceil(size / stride) outputs, the odd row of padding at the end."""
    (kh, kw), (sh, sw), (dh, dw) = layer.kernel_size, layer.stride, layer.dilation
    n, _, h, w = x.shape
    rows, columns = (h + sh - 1) // sh, (w + sw - 1) // sw
    top = max((rows - 1) * sh + (kh - 1) * dh + 1 - h, 0) // 2
    left = max((columns - 1) * sw + (kw - 1) * dw + 1 - w, 0) // 2
    out = torch.zeros(n, layer.out_channels, rows, columns)
    for i in range(rows):
        for j in range(columns):
            for a in range(kh):
                for b in range(kw):
                    y, z = i * sh + a * dh - top, j * sw + b * dw - left
                    if 0 <= y < h and 0 <= z < w:
                        out[:, :, i, j] += x[:, :, y, z] @ layer.weight[:, :, a, b].T
    return out if layer.bias is None else out + layer.bias[:, None, None]


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    stride=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    dilation=st.integers(1, 2),
    bias=st.booleans(),
)
@torch.no_grad()
def test_one_layer_follows_the_rule(
    size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int], dilation: int, bias: bool
) -> None:
    layer = Conv2dSame(3, 4, kernel, stride=stride, dilation=dilation, bias=bias)
    fixed = with_constant_padding(nn.Sequential(layer), *size)
    assert same_layers(fixed) == 0
    torch.testing.assert_close(fixed(pixels(*size)), naive_same(pixels(*size), layer), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [(64, 64), (65, 50)])
@torch.no_grad()
def test_a_network_computes_the_same_and_stays_as_it_is(size: tuple[int, int]) -> None:
    network = SSCDNetwork("tf_efficientnet_lite0", dims=8)
    before = same_layers(network)
    fixed = with_constant_padding(network, *size)
    assert before == same_layers(network) == 5
    assert same_layers(fixed) == 0
    assert network.training
    assert not fixed.training
    torch.testing.assert_close(fixed(pixels(*size)), network.eval()(pixels(*size)), rtol=1e-4, atol=1e-5)


def test_a_network_without_such_padding_is_returned_itself() -> None:
    network = SSCDNetwork("test_resnet", dims=4)
    assert with_constant_padding(network, 64, 64) is network


class Twice(nn.Module):
    """One layer, used on two sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = Conv2dSame(3, 3, 3, stride=2, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        halved: torch.Tensor = self.layer(self.layer(x))
        return halved


@torch.no_grad()
def test_a_layer_that_serves_two_sizes_keeps_its_own_padding() -> None:
    network = Twice()
    fixed = with_constant_padding(network, 9, 8)
    assert same_layers(fixed) == 1
    torch.testing.assert_close(fixed(pixels(9, 8)), network(pixels(9, 8)))
