"""A file of a backbone's weights in, the backbone with them out; or a sentence that says what did not fit."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import nn

from copylens.errors import ModelError
from copylens.networks.wording import first_line, some_names

State: TypeAlias = Mapping[str, torch.Tensor]

_ENTRIES = ("teacher", "state_dict", "model", "model_state", "network")
"""Under which a file of a whole training keeps its network; DINO's averaged one is the teacher."""

_WRAPPERS = ("module.", "model.", "_orig_mod.")
"""What DataParallel, frameworks and torch.compile write before every name."""

_PARTS = ("teacher.", "backbone.", "encoder.", "trunk.")
"""Under which a network that has more parts keeps its backbone; the other parts are left out."""

_REFUSALS = (AssertionError, AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError)


def load_backbone(backbone: nn.Module, path: Path) -> None:
    """Load a backbone's weights from a file, strictly; a classifier in the file is left out.

    Names may be the backbone's own, those under which the file's authors published them where timm converts them, or
    either behind ``module.``, ``model.``, ``teacher.``, ``backbone.`` and the like. A position embedding of another
    square grid is interpolated (bicubic) to the backbone's.

    Args:
        backbone: of timm, or a user's own.
        path: ``.safetensors``, or a PyTorch file that holds a state dictionary, at its top or as ``state_dict``,
            ``model``, ``teacher`` or ``network``.

    Raises:
        ModelError: the file cannot be read, or names or shapes do not fit; says which.
    """
    own = backbone.state_dict()
    left_out = _classifier_names(backbone)
    given = _kept(_bare(_read(path), own), left_out)
    if given.keys() != own.keys():
        converted = _kept(_converted(backbone, given), left_out)
        given = converted if converted.keys() == own.keys() else given
    missing, unknown = sorted(own.keys() - given.keys()), sorted(given.keys() - own.keys())
    if missing or unknown:
        raise ModelError(
            f"{path} does not fit the backbone: missing {some_names(missing, empty='nothing')}; "
            f"unknown {some_names(unknown, empty='nothing')}."
        )
    given = {name: _on_grid(backbone, name, value, own[name]) for name, value in given.items()}
    shapes = [name for name, value in given.items() if value.shape != own[name].shape]
    if shapes:
        first = shapes[0]
        raise ModelError(
            f"{path} does not fit the backbone: {first} has shape {tuple(given[first].shape)}, not "
            f"{tuple(own[first].shape)} ({len(shapes)} such tensors)."
        )
    backbone.load_state_dict(given)


def _bare(state: State, own: State) -> State:
    """Take off what stands before all names, until there are names of the backbone's."""
    while not own.keys() & state.keys():
        wrapped = [p for p in (*_WRAPPERS, *_PARTS) if any(name.startswith(p) for name in state)]
        if not wrapped:
            break
        prefix = wrapped[0]
        state = {
            name.removeprefix(prefix): value
            for name, value in state.items()
            if prefix in _WRAPPERS or name.startswith(prefix)
        }
    return state


def _kept(state: State, left_out: set[str]) -> dict[str, torch.Tensor]:
    return {name: value for name, value in state.items() if name.rpartition(".")[0] not in left_out}


def _classifier_names(backbone: nn.Module) -> set[str]:
    named = getattr(backbone, "default_cfg", {}).get("classifier") or ()
    return {named} if isinstance(named, str) else set(named)


def _converted(backbone: nn.Module, state: State) -> State:
    """Rename as timm does for the published files of this family of networks; as given where it cannot."""
    convert: Any = getattr(sys.modules[type(backbone).__module__], "checkpoint_filter_fn", None)
    if convert is None:
        return state
    try:
        made: State = convert(dict(state), backbone)
    except _REFUSALS:  # of a file of another network; the names are compared next
        return state
    return made


def _on_grid(backbone: nn.Module, name: str, value: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """Interpolate a position embedding ``(1, P + L, C)`` to the backbone's grid; anything else as it is."""
    grid = getattr(getattr(backbone, "patch_embed", None), "grid_size", None)
    if name.rpartition(".")[2] != "pos_embed" or grid is None or value.shape == own.shape:
        return value
    if value.ndim != 3 or own.ndim != 3 or value.shape[2] != own.shape[2]:
        return value
    prefix = own.shape[1] - grid[0] * grid[1]
    side = math.isqrt(max(0, value.shape[1] - prefix))
    if prefix < 0 or side == 0 or side * side + prefix != value.shape[1]:
        return value
    from timm.layers import resample_abs_pos_embed

    resized: torch.Tensor = resample_abs_pos_embed(
        value, new_size=list(grid), old_size=[side, side], num_prefix_tokens=prefix
    )
    return resized


def _read(path: Path) -> State:
    if not path.is_file():
        raise ModelError(f"{path}: no such file of weights.")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file fails in many ways
        raise ModelError(f"{path} is not a readable file of weights: {first_line(error)}") from error
    while isinstance(state, Mapping) and (entry := next((e for e in _ENTRIES if _is_entry(state, e)), None)):
        state = state[entry]
    if (
        not isinstance(state, Mapping)
        or not state
        or not all(isinstance(v, torch.Tensor) for v in state.values())
    ):
        raise ModelError(f"{path} does not hold a state dictionary (names and tensors).")
    return state


def _is_entry(state: Mapping[str, object], name: str) -> bool:
    return isinstance(state.get(name), Mapping)
