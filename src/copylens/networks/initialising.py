"""A fresh network in; one whose residual branches start at zero, or open, out."""

from __future__ import annotations

from torch import nn


def zero_residual_branches(backbone: nn.Module) -> int:
    """Make every residual block start as the identity: the scale of its last normalisation becomes 0.

    SSCD's entropy term needs it (Pizzi et al. 2022, section 4.5). Known are timm's ResNets and the inverted
    residuals of the EfficientNet and MobileNet families.

    Returns:
        How many branches there are; 0 for a network without any that is known.
    """
    count = 0
    for module in backbone.modules():
        own = getattr(module, "zero_init_last", None)
        if callable(own):
            own()
            count += 1
        elif getattr(module, "has_skip", False):
            scale = _last_scale(module)
            if scale is not None:
                nn.init.zeros_(scale)
                count += 1
    return count


def open_residual_branches(backbone: nn.Module) -> int:
    """Undo `zero_residual_branches`, which timm does to its fresh ResNets by itself: the scales become 1.

    Returns:
        How many branches were closed; scales that are not all zero stay as they are.
    """
    count = 0
    for module in backbone.modules():
        if callable(getattr(module, "zero_init_last", None)) or getattr(module, "has_skip", False):
            scale = _last_scale(module)
            if scale is not None and not bool(scale.any()):
                nn.init.ones_(scale)
                count += 1
    return count


def _last_scale(block: nn.Module) -> nn.Parameter | None:
    """The weight of the last normalisation of a residual block, by timm's names."""
    for name in ("pw_proj", "bn3", "bn2"):
        part = getattr(block, name, None)
        norm = getattr(part, "bn", part) if name == "pw_proj" else part
        weight = getattr(norm, "weight", None)
        if isinstance(weight, nn.Parameter) and weight.ndim == 1:
            return weight
    return None
