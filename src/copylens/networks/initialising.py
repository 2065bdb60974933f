"""A fresh network in; one whose residual branches start at zero or open, or that carries given weights, out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from copylens.errors import ModelError
from copylens.networks.wording import first_line, some_names


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


def load_backbone(backbone: nn.Module, path: Path) -> None:
    """Load a backbone's weights from a file, strictly; a classifier in the file is left out.

    Args:
        backbone: a timm model; names must be timm's own.
        path: ``.safetensors``, or a PyTorch file that holds a state dictionary.

    Raises:
        ModelError: the file cannot be read, or names or shapes do not fit; says which.
    """
    state = _read(path)
    own = backbone.state_dict()
    classifier = _classifier_names(backbone)
    given = {name: value for name, value in state.items() if name.rpartition(".")[0] not in classifier}
    missing, unknown = sorted(own.keys() - given.keys()), sorted(given.keys() - own.keys())
    if missing or unknown:
        raise ModelError(
            f"{path} does not fit the backbone: missing {some_names(missing, empty='nothing')}; "
            f"unknown {some_names(unknown, empty='nothing')}."
        )
    shapes = [name for name, value in given.items() if value.shape != own[name].shape]
    if shapes:
        first = shapes[0]
        raise ModelError(
            f"{path} does not fit the backbone: {first} has shape {tuple(given[first].shape)}, not "
            f"{tuple(own[first].shape)} ({len(shapes)} such tensors)."
        )
    backbone.load_state_dict(given)


def _classifier_names(backbone: nn.Module) -> set[str]:
    named = getattr(backbone, "default_cfg", {}).get("classifier") or ()
    return {named} if isinstance(named, str) else set(named)


def _read(path: Path) -> Mapping[str, torch.Tensor]:
    if not path.is_file():
        raise ModelError(f"{path}: no such file of weights.")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file fails in many ways
        raise ModelError(f"{path} is not a readable file of weights: {first_line(error)}") from error
    if not isinstance(state, Mapping) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise ModelError(f"{path} does not hold a state dictionary (names and tensors).")
    return state
