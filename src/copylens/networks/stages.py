"""A timm backbone in, the stage of each of its parameters out: what freezing and layer-wise rates count by."""

from __future__ import annotations

from torch import nn

from copylens.errors import UsageError
from copylens.networks.torchvision_shim import import_timm


def stages_of(backbone: nn.Module, *, fine: bool = False) -> dict[str, int]:
    """Number the stages from the pixels to the features, as timm groups them.

    Args:
        backbone: a timm model.
        fine: every block counts, not every stage of blocks.

    Returns:
        By name of a parameter its stage: 0 is the stem.

    Raises:
        UsageError: the backbone does not say how its parameters are grouped.
    """
    import_timm()
    from timm.models import group_parameters

    matcher = getattr(backbone, "group_matcher", None)
    if matcher is None:
        raise UsageError(
            f"{type(backbone).__name__} has no stages to count by (no group_matcher, as timm's models have); leave "
            "network.frozen_stages and optimiser.layer_decay out."
        )
    grouped: dict[str, int] = group_parameters(backbone, matcher(coarse=not fine), reverse=True)
    return grouped
