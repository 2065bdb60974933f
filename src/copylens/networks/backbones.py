"""The name of a backbone in, the module out: one of timm's, or a user's own."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from copylens.errors import UsageError
from copylens.networks.registry import own_backbone, registered_backbones
from copylens.networks.torchvision_shim import import_timm
from copylens.networks.wording import first_line

TIMM_SOURCES = ("hf-hub:", "hf_hub:", "local-dir:")
"""Names with a colon that timm resolves by itself."""

_ANY_SIZE = ({"dynamic_img_size": True}, {"strict_img_size": False})
"""Ways in which timm's transformers are told to take any size; a network knows one of them, or none."""


def create_backbone(name: str, *, pretrained: bool = False) -> nn.Module:
    """Build a backbone without its classifier, drawn from PyTorch's global random state.

    A transformer of timm's is told to take any size, where it can be.

    Args:
        name: of timm (with a tag, too), a registered one, or ``module:function``; see `registry`.
        pretrained: take timm's weights, which timm downloads.

    Raises:
        UsageError: nobody knows the name, or timm cannot build or fetch it as a backbone.
        MissingExtraError: timm is not installed.
    """
    timm = import_timm()
    fetched = name.startswith(TIMM_SOURCES)
    own = None if fetched else own_backbone(name)
    if own is not None:
        if pretrained:
            raise UsageError(
                f"network.pretrained is for timm's backbones; {name} is your own: load weights where you build it, or "
                "give network.weights."
            )
        return own
    if not fetched and not timm.is_model(name):
        near = [
            *[own for own in registered_backbones() if own.startswith(name[:3])],
            *timm.list_models(f"*{name.split('_')[0]}*")[:3],
        ]
        hint = f"; near are {', '.join(near)}" if near else ""
        raise UsageError(f"network.backbone: timm has no {name!r}{hint}.")
    for option in (*_ANY_SIZE, {}):
        made = _created(name, pretrained, option)
        if made is not None:
            return made
    raise AssertionError("without an option there is nothing to refuse")


def _created(name: str, pretrained: bool, option: dict[str, Any]) -> nn.Module | None:
    """Build it with an option; None where the network does not know the option."""
    drawn = torch.get_rng_state()
    try:
        made: nn.Module = import_timm().create_model(
            name, pretrained=pretrained, num_classes=0, global_pool="", **option
        )
    except TypeError as error:
        if not any(key in str(error) for key in option):
            raise
        # As if nothing had been tried: a seed stands for one network.
        torch.set_rng_state(drawn)
        return None
    except (AssertionError, RuntimeError, OSError, ValueError) as error:
        raise UsageError(
            f"network.backbone: timm cannot build {name!r} here: {first_line(error)}."
        ) from error
    return made
