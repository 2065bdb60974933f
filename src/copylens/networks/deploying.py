"""A network as it learned in, its twin as it is exported out: everything foldable is folded."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from copylens.networks.padding import with_constant_padding
from copylens.networks.sscd import SSCDNetwork, set_checkpointing
from copylens.networks.torchvision_shim import import_timm

_FOLDABLE = ("fuse", "reparameterize", "switch_to_deploy")
"""Methods by which timm's modules turn what trains (parallel branches) into what runs (one convolution)."""


@torch.no_grad()
def for_one_size(network: nn.Module, height: int, width: int) -> nn.Module:
    """Make a network's twin for inputs of one size.

    Position embeddings are interpolated and weights standardised once instead of at every pass, branches of RepVGG and
    MobileOne become one convolution, SAME padding becomes constant, and nothing is computed twice.

    Args:
        network: takes ``(N, 3, height, width) float32``; stays as it is.
        height, width: pixels.

    Returns:
        A copy in evaluation mode that computes the same for this size and for no other; the network itself where
        there is nothing to fold.

    Raises:
        MissingExtraError: timm is not installed.
    """
    if isinstance(network, SSCDNetwork):
        network = _resized(network, height, width)
    return with_constant_padding(_folded(network), height, width)


@torch.no_grad()
def for_any_size(network: nn.Module) -> nn.Module:
    """Make a network's twin of which only that is folded which does not depend on the size; see `for_one_size`."""
    return _folded(_unchecked(network) if isinstance(network, SSCDNetwork) else network)


def takes_any_size(network: nn.Module) -> bool:
    """Whether one graph can hold the network for all sizes: it is made of convolutions, as far as we can tell."""
    return isinstance(network, SSCDNetwork) and (
        network.layout.kind,
        network.layout.multiple,
        network.layout.fixed,
    ) == ("NCHW", (1, 1), None)


def _folded(network: nn.Module) -> nn.Module:
    import_timm()
    if any(hasattr(module, name) for module in network.modules() for name in _FOLDABLE):
        from timm.utils import reparameterize_model

        network = reparameterize_model(network.eval())
    return _with_plain_convolutions(network)


def _with_plain_convolutions(network: nn.Module) -> nn.Module:
    """Give convolutions whose weights are standardised at every pass (Qiao et al. 2019) the weights that come of it."""
    kinds = _standardised()
    if not any(isinstance(module, kinds) for module in network.modules()):
        return network
    made = copy.deepcopy(network).eval()
    for parent in list(made.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, kinds):
                setattr(parent, name, _plain(child))
    return made


def _standardised() -> tuple[type[nn.Module], ...]:
    layers = import_timm().layers
    return layers.StdConv2d, layers.StdConv2dSame, layers.ScaledStdConv2d, layers.ScaledStdConv2dSame


def _plain(child: Any) -> nn.Module:
    kind = import_timm().layers.Conv2dSame if getattr(child, "same_pad", False) else nn.Conv2d
    plain: nn.Conv2d = kind(
        child.in_channels,
        child.out_channels,
        child.kernel_size,
        child.stride,
        child.padding,
        child.dilation,
        child.groups,
        bias=child.bias is not None,
    )
    gain = (child.gain * child.scale).flatten() if hasattr(child, "gain") else None
    rows = child.weight.reshape(1, child.out_channels, -1)
    # As timm writes it: each filter is normalised as if it were a channel of one picture.
    standard = functional.batch_norm(
        rows, None, None, weight=gain, training=True, momentum=0.0, eps=child.eps
    )
    plain.weight.copy_(standard.reshape_as(child.weight))
    if child.bias is not None and plain.bias is not None:
        plain.bias.copy_(child.bias)
    return plain.eval()


def _resized(network: SSCDNetwork, height: int, width: int) -> SSCDNetwork:
    """Interpolate the position embeddings of a transformer that would do it at every pass."""
    backbone = network.backbone
    if not getattr(backbone, "dynamic_img_size", False) or not isinstance(
        getattr(backbone, "pos_embed", None), nn.Parameter
    ):
        return _unchecked(network)
    made = copy.deepcopy(_unchecked(network)).eval()
    made.backbone.set_input_size(img_size=made.layout.size_for(height, width))  # type: ignore[operator]
    return made


def _unchecked(network: SSCDNetwork) -> SSCDNetwork:
    """The network without checkpointing, which an exporter would have to look through."""
    if not any(getattr(module, "grad_checkpointing", False) for module in network.backbone.modules()):
        return network
    made = copy.deepcopy(network).eval()
    set_checkpointing(made.backbone, type(made.backbone).__name__, on=False)
    return made
