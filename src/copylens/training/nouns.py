"""What crosses between the rooms of a training: batches of pictures, views of them, and which views share content.

Shapes: B pictures of a batch on one process, V views of each, N = V x B rows on one process, W processes, D dimensions.
Rows are ordered view by view: row ``v * B + b`` is view v of picture b.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

NOBODY = -1
"""In `Views.sources`: no second picture is in this view."""


@dataclass(frozen=True, slots=True)
class PictureBatch:
    """Decoded pictures, all stretched to one size; `aspects` say what they looked like.

    Augmentation works in the coordinates of the picture itself, so a square canvas loses sharpness and nothing else.
    Only `pixels` lie on the device: what is drawn from the others is decided on the host, without waiting for it.

    Attributes:
        pixels: ``(B, 3, S, S) uint8``.
        aspects: ``(B,) float32``, width / height of the picture.
        keys: ``(B,) int64``, the picture's number in its source; with seed, epoch and view it fixes the augmentation.
        groups: ``(B,) int64``, the number of the group of near-duplicates that a picture belongs to: pictures of one
            group are positives. None where every picture is its own group; then `keys` say which views are positives.
    """

    pixels: torch.Tensor
    aspects: torch.Tensor
    keys: torch.Tensor
    groups: torch.Tensor | None = None

    def __len__(self) -> int:
        """B."""
        return len(self.keys)


@dataclass(frozen=True, slots=True)
class Views:
    """Augmented views, ready for normalisation and the network.

    Attributes:
        pixels: ``(N, 3, H, W) float32`` in [0, 1], RGB.
        sources: ``(N, 2) int64``: the picture that is in a view, and the second one where two were mixed, else
            `NOBODY`. Two views are positives when they share a picture; the mixing ratio is not used.
    """

    pixels: torch.Tensor
    sources: torch.Tensor
