"""A network with timm's SAME padding in, its twin for one input size out, whose padding is constant.

TensorFlow's SAME padding depends on the size of what comes in, so an exported graph computes it anew for each
batch, and ONNX Runtime takes a third longer. Constant padding it merges into the convolution.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from typing import Any

import torch
from torch import nn

from copylens.networks.torchvision_shim import import_timm


@torch.no_grad()
def with_constant_padding(network: nn.Module, height: int, width: int) -> nn.Module:
    """Fix the padding of every ``Conv2dSame`` for inputs of one size.

    Args:
        network: takes ``(N, 3, height, width) float32``; stays as it is.
        height, width: pixels.

    Returns:
        A copy in evaluation mode that computes the same for this size and for no other; the network itself
        where there is nothing to fix.

    Raises:
        MissingExtraError: timm is not installed.
    """
    same = import_timm().layers.Conv2dSame
    if not any(isinstance(module, same) for module in network.modules()):
        return network
    fixed = copy.deepcopy(network).eval()
    sizes = _input_sizes(fixed, same, torch.zeros(1, 3, height, width))
    for parent in list(fixed.modules()):
        for name, child in list(parent.named_children()):
            # A layer that serves several sizes keeps its own padding.
            if len(sizes[child]) == 1:
                setattr(parent, name, _padded(child, *sizes[child]))
    return fixed


def _input_sizes(
    network: nn.Module, kind: type[nn.Module], pixels: torch.Tensor
) -> dict[nn.Module, set[Any]]:
    sizes: dict[nn.Module, set[Any]] = defaultdict(set)

    def note(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        sizes[module].add(tuple(inputs[0].shape[-2:]))

    hooks = [m.register_forward_pre_hook(note) for m in network.modules() if isinstance(m, kind)]
    network(pixels)
    for hook in hooks:
        hook.remove()
    return sizes


def _padded(same: Any, size: tuple[int, int]) -> nn.Module:
    margins: list[int] = []
    # ZeroPad2d wants left, right, top, bottom: the last axis first.
    for axis in (1, 0):
        stride, reach = same.stride[axis], (same.kernel_size[axis] - 1) * same.dilation[axis] + 1
        total = max((-(-size[axis] // stride) - 1) * stride + reach - size[axis], 0)
        margins += [total // 2, total - total // 2]
    plain = nn.Conv2d(
        same.in_channels,
        same.out_channels,
        same.kernel_size,
        same.stride,
        dilation=same.dilation,
        groups=same.groups,
        bias=same.bias is not None,
    )
    plain.load_state_dict(same.state_dict())
    return nn.Sequential(nn.ZeroPad2d((margins[0], margins[1], margins[2], margins[3])), plain)
