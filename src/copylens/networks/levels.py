"""A backbone and names of modules inside it in; how much their feature maps vary over the picture out.

The last map says what is in a picture; earlier ones, by the deviation of each channel over the picture, say of what
texture and detail it is made, which copies share and look-alikes do not. They are computed anyway.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from copylens.errors import UsageError
from copylens.networks.layouts import Layout, run_backbone

EPSILON = 1e-6
"""Of the variance, so that a channel that is the same everywhere has a gradient."""


def deviations(maps: torch.Tensor) -> torch.Tensor:
    """Standard deviation of every channel over the picture: ``(N, C, h, w)`` to ``(N, C) float32``, not negative."""
    maps = maps.float()
    variance = (maps - maps.mean(dim=(2, 3), keepdim=True)).square().mean(dim=(2, 3))
    return (variance + EPSILON).sqrt()


def run_with_levels(
    backbone: nn.Module, levels: Sequence[str], pixels: torch.Tensor
) -> tuple[Any, list[torch.Tensor]]:
    """Run a backbone and keep what some of its modules yield on the way.

    Args:
        backbone: of timm, or a user's own.
        levels: names of modules in it.
        pixels: ``(N, 3, H, W)``.

    Returns:
        The features as they come, and what the modules yielded, in the order of `levels`.
    """
    seen: dict[str, torch.Tensor] = {}

    def keep(name: str) -> RemovableHandle:
        def see(_module: nn.Module, _given: Any, out: torch.Tensor) -> None:
            seen[name] = out

        return backbone.get_submodule(name).register_forward_hook(see)

    # For this pass alone: a copy of a network, for export or an average, must not write into the original's.
    hooks = [keep(name) for name in levels]
    try:
        features = run_backbone(backbone, pixels)
    finally:
        for hook in hooks:
            hook.remove()
    return features, [seen[name] for name in levels]


@torch.no_grad()
def width_of_levels(backbone: nn.Module, levels: Sequence[str], layout: Layout) -> int:
    """Count the channels of some modules' feature maps together, by one pass over blank pictures.

    Raises:
        UsageError: a module that is not there, that the pass does not reach, or that yields no map ``(N, C, h, w)``.
    """
    if not levels:
        return 0
    names = [name for name, _ in backbone.named_modules() if name]
    for level in levels:
        if level not in names:
            near = difflib.get_close_matches(level, names, 1)
            raise UsageError(
                f"network.levels: the backbone has no module {level!r}"
                + (f"; the nearest is {near[0]!r}." if near else ".")
            )
    modes = [(module, module.training) for module in backbone.modules()]
    backbone.eval()
    try:
        _, maps = run_with_levels(backbone, levels, torch.zeros(1, 3, *layout.size_for(64, 64)))
    except KeyError as error:
        raise UsageError(f"network.levels: pictures do not pass through {error.args[0]!r}.") from error
    finally:
        for module, mode in modes:
            module.training = mode
    for level, found in zip(levels, maps, strict=True):
        if not isinstance(found, torch.Tensor) or found.ndim != 4 or layout.kind != "NCHW":
            raise UsageError(
                f"network.levels: {level!r} yields no feature map (N, C, h, w); levels are for convolutional networks."
            )
    return sum(int(found.shape[1]) for found in maps)
