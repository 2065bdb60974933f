"""What the network says of scenes, and their boxes, in; the loss out.

Shapes: N scenes, K boxes of each, G x G cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

SPECK, SMALLEST, LARGEST, UNCLEAR = 0.005, 0.025, 0.65, 0.85
"""Shares of the scene: an inset takes at least `SMALLEST` and at most `LARGEST`. What takes less, but more than a
`SPECK`, or more, but less than `UNCLEAR`, is neither an inset nor none; what takes still more is the picture itself."""

FOUND_WEIGHT, NOTHING_WEIGHT = 0.75, 0.5
"""Of cells in an inset's middle, and of those outside, in the focal loss."""

BOX_WEIGHT, EDGE_WEIGHT = 2.0, 4.0
"""Of the boxes' loss beside that of the cells, and in it of the edges' distances beside the overlap."""


@dataclass(frozen=True, slots=True)
class Targets:
    """What the network should say.

    Attributes:
        cells: ``(N, G, G) int64``: 1 in an inset's middle, 0 outside all pictures in the scene, -1 where it does not
            matter.
        which: ``(N, G, G) int64``, number of the box in whose middle a cell lies; 0 where in none.
        boxes: ``(N, K, 4) float32``, those of the scene.
        is_inset: ``(N, K) bool``.
    """

    cells: Tensor
    which: Tensor
    boxes: Tensor
    is_inset: Tensor


def targets(boxes: Tensor, cells: int) -> Targets:
    """Say which cells of scenes with boxes ``(N, K, 4)`` lie in an inset's middle; in several, the smallest counts."""
    areas = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0.0).prod(-1)
    is_inset = (areas >= SMALLEST) & (areas <= LARGEST)
    large = (areas > LARGEST) & (areas < UNCLEAR)
    unclear = large | ((areas > SPECK) & (areas < SMALLEST))
    said = torch.zeros((len(boxes), cells, cells), dtype=torch.int64, device=boxes.device)
    said[large.any(1) & ~is_inset.any(1)] = -1
    which = torch.zeros_like(said)
    order = areas.argsort(dim=1, descending=True, stable=True)
    scenes = torch.arange(len(boxes), device=boxes.device)
    for number in order.unbind(1):
        box, inset = boxes[scenes, number], is_inset[scenes, number]
        matters = (inset | unclear[scenes, number])[:, None, None]
        said[_cells_in(box, cells, 1.0) & matters] = -1
        middle = _cells_in(box, cells, 0.5) & inset[:, None, None]
        said[middle] = 1
        which = torch.where(middle, number[:, None, None], which)
    return Targets(said, torch.where(said == 1, which, 0), boxes, is_inset)


def _cells_in(boxes: Tensor, cells: int, part: float) -> Tensor:
    """Cells whose centre lies in the inner part of boxes ``(N, 4)``; at least the one around each box's centre."""
    centres = (torch.arange(cells, device=boxes.device) + 0.5) / cells
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    reach = ((boxes[:, 2:] - boxes[:, :2]) / 2 * part).clamp(min=0.5 / cells + 1e-4)
    across = (centres - middle[:, :1]).abs() <= reach[:, :1]
    down = (centres - middle[:, 1:]).abs() <= reach[:, 1:]
    return down[:, :, None] & across[:, None, :]


def inset_loss(logits: Tensor, boxes: Tensor, wanted: Targets) -> Tensor:
    """Loss of what a network says: a focal loss of the cells (Lin et al. 2017), generalised IoU and edges of the boxes.

    Args:
        logits: ``(N, G, G)``.
        boxes: ``(N, 4, G, G)``.
        wanted: of the same scenes.

    Returns:
        A scalar; per cell in an inset's middle, and per inset.
    """
    found = wanted.cells == 1
    cells = _cell_loss(logits, wanted) / found.sum().clamp(min=1)
    scene, row, column = found.nonzero(as_tuple=True)
    number = wanted.which[scene, row, column]
    said, box = boxes.permute(0, 2, 3, 1)[scene, row, column], wanted.boxes[scene, number]
    # Every inset weighs the same, whatever its size.
    own = torch.zeros(wanted.is_inset.shape, dtype=boxes.dtype, device=boxes.device)
    own.index_put_((scene, number), torch.ones_like(scene, dtype=boxes.dtype), accumulate=True)
    weight = 1.0 / own[scene, number]
    missed = 1.0 - generalised_iou(said, box) + EDGE_WEIGHT * (said - box).abs().mean(-1)
    return cells + BOX_WEIGHT * (missed * weight).sum() / weight.sum().clamp(min=1.0)


def _cell_loss(logits: Tensor, wanted: Targets) -> Tensor:
    found = (wanted.cells == 1).to(logits.dtype)
    entropy = functional.binary_cross_entropy_with_logits(logits, found, reduction="none")
    sure = torch.exp(-entropy)
    weight = torch.where(found == 1, FOUND_WEIGHT, NOTHING_WEIGHT)
    return (weight * (1.0 - sure).square() * entropy)[wanted.cells >= 0].sum()


def overlap(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Intersection over union of boxes ``(M, 4)``, ``(M,)``, and the union."""
    low, high = torch.maximum(first[:, :2], second[:, :2]), torch.minimum(first[:, 2:], second[:, 2:])
    shared = (high - low).clamp(min=0.0).prod(-1)
    areas = [(box[:, 2:] - box[:, :2]).clamp(min=0.0).prod(-1) for box in (first, second)]
    union = areas[0] + areas[1] - shared
    return shared / union.clamp(min=1e-6), union


def generalised_iou(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union, less the share of the box around both that neither fills (Rezatofighi et al. 2019)."""
    iou, union = overlap(first, second)
    low, high = torch.minimum(first[:, :2], second[:, :2]), torch.maximum(first[:, 2:], second[:, 2:])
    around = (high - low).clamp(min=0.0).prod(-1).clamp(min=1e-6)
    return iou - (around - union) / around
