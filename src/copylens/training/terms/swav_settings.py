"""What a recipe may say of SwAV, in its section ``[swav]``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from copylens.errors import UsageError

On: TypeAlias = Literal["pooled", "descriptor"]
SwavHead: TypeAlias = Literal["mlp", "linear", "none"]
Codes: TypeAlias = Literal["soft", "hard"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SwavSettings:
    """Swapped prediction of cluster assignments (Caron et al. 2020); defaults are the paper's for 4096 pictures a step.

    The crops of the two large views are ``augment.ranges."crop.scale"``; the paper's are [0.14, 1].

    Attributes:
        weight: of the term; 0 leaves it out.
        on: what is clustered: ``"pooled"`` features as in the paper, where the descriptor's projection learns nothing
            from the term, or the ``"descriptor"`` itself.
        head: between that and the prototypes: ``"mlp"`` as in the paper, ``"linear"``, or ``"none"``.
        hidden: width of the hidden layer of ``"mlp"``.
        dims: d of the prototypes; without a head it is the width of what is clustered.
        prototypes: K.
        temperature: τ of the predictions.
        epsilon: ε of the codes, the weight of their entropy; larger is softer.
        iterations: of Sinkhorn and Knopp's algorithm.
        codes: ``"soft"`` as in the paper, or ``"hard"``: all on the largest.
        queue: former rows of each large view that take part in finding the codes, over all processes; 0 is none. The
            published code has 3840 where a batch has 256 pictures.
        queue_from: first step at which the queue is used; it is filled before.
        frozen_steps: so many steps the prototypes stay as they were drawn.
        crops: small views of every picture.
        crop_size: of them in pixels.
        crop_scale: smallest and largest part of the picture's area in a small view.
    """

    weight: float = 0.0
    on: On = "pooled"
    head: SwavHead = "mlp"
    hidden: int = 2048
    dims: int = 128
    prototypes: int = 3000
    temperature: float = 0.1
    epsilon: float = 0.05
    iterations: int = 3
    codes: Codes = "soft"
    queue: int = 0
    queue_from: int = 0
    frozen_steps: int = 313
    crops: int = 6
    crop_size: int = 96
    crop_scale: tuple[float, ...] = (0.05, 0.14)

    def __post_init__(self) -> None:
        """Find what cannot be meant.

        Raises:
            UsageError: names the key and what it must be.
        """
        for name, least in (
            ("hidden", 1),
            ("dims", 2),
            ("prototypes", 2),
            ("iterations", 1),
            ("queue", 0),
            ("queue_from", 0),
            ("frozen_steps", 0),
            ("crops", 0),
            ("crop_size", 32),
        ):
            value = getattr(self, name)
            if value < least:
                raise UsageError(f"swav.{name} is {value}: give at least {least}.")
        if not 0 <= self.weight < float("inf"):
            raise UsageError(f"swav.weight is {self.weight:g}: it cannot be negative or without end.")
        for name in ("temperature", "epsilon"):
            if not getattr(self, name) > 0:
                raise UsageError(f"swav.{name} is {getattr(self, name):g}: it must be positive.")
        scale = self.crop_scale
        if len(scale) != 2 or not 0.001 <= scale[0] <= scale[1] <= 1.0:
            raise UsageError(f"swav.crop_scale is {list(scale)}: give [low, high] within 0.001 and 1.")
