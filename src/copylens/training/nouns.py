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
class Traces:
    """Where the points of N views lie in their pictures: the way of a pixel through every geometric operator.

    Coordinates are continuous, x to the right and y down. The view is a unit square, and so is the whole picture,
    whatever its shape. A point (x, y) of a view shows the picture's point ``maps @ (x, y, 1)``, divided by its third
    coordinate, if that coordinate is positive, the point it gives lies in the unit square, and (x, y) lies in
    `shown` and not in `covered`.

    Another picture covers, however faint it is; text and stickers do not: under them is still the picture's place.

    Attributes:
        maps: ``(N, 3, 3) float32``, view to picture; homographies.
        shown: ``(N, 4) float32``: left, top, right, bottom of the part of the view that is left for the picture by a
            screen, a border, a caption, or the picture that it is set into.
        covered: ``(N, 4) float32``: the rectangle where another picture lies on top; of no area where none does, the
            whole view where two are blended.
    """

    maps: torch.Tensor
    shown: torch.Tensor
    covered: torch.Tensor

    def __len__(self) -> int:
        """N."""
        return len(self.maps)

    def rows(self, which: slice | torch.Tensor) -> Traces:
        """The same for some views."""
        return Traces(self.maps[which], self.shown[which], self.covered[which])


@dataclass(frozen=True, slots=True)
class Views:
    """Augmented views, ready for normalisation and the network.

    Attributes:
        pixels: ``(N, 3, H, W) float32`` in [0, 1], RGB.
        sources: ``(N, 2) int64``: the picture that is in a view, and the second one where two were mixed, else
            `NOBODY`. Two views are positives when they share a picture; the mixing ratio is not used.
        traces: where their points lie in their first picture; None where nobody asked.
    """

    pixels: torch.Tensor
    sources: torch.Tensor
    traces: Traces | None = None
