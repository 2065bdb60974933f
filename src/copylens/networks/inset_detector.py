"""A small network that says where in a picture another picture lies; and its ONNX graph.

Every cell of a coarse grid says how surely it lies in the middle of such a picture, and how far that one's four edges
are (as in FCOS, Tian et al. 2019, without its pyramid).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from copylens.networks.export import traced_graph, with_half_weights

SIDE = 160
"""Pixels of its square input."""

CELLS = 10
"""Of the grid, on each side."""

_REACH = 0.25
"""A share of the picture's side: what the network says of an edge's distance is multiplied by it."""


class InsetDetector(nn.Module):
    """Pixels ``(N, 3, 160, 160) float32`` in [0, 1] to logits ``(N, 10, 10)`` and boxes ``(N, 4, 10, 10)``.

    Boxes are left, top, right, bottom in parts of the picture's sides, and may reach beyond it.
    """

    centres: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_convolution(3, 24, kernel=8, stride=4, padding=2),
            _Inverted(24, 24, kernel=3),
            _Inverted(24, 32, kernel=5, stride=2),
            _Inverted(32, 32, kernel=5),
            _Inverted(32, 48, kernel=5, stride=2),
            _Inverted(48, 48, kernel=5),
            _Inverted(48, 48, kernel=5),
        )
        # What the whole picture looks like: a page, a photograph.
        self.context = nn.Linear(48, 48)
        self.head = nn.Sequential(
            _Inverted(48, 48, kernel=5), _Inverted(48, 48, kernel=5), *_convolution(48, 64, kernel=1)
        )
        self.answer = nn.Conv2d(64, 5, 1)
        with torch.no_grad():
            # Most cells lie in no inset.
            assert self.answer.bias is not None
            self.answer.bias[0] = -4.0
        middle = (torch.arange(CELLS) + 0.5) / CELLS
        down, across = torch.meshgrid(middle, middle, indexing="ij")
        self.register_buffer("centres", torch.stack([across, down]), persistent=False)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Say of every cell how surely it lies in an inset's middle, and that one's box."""
        features = self.body((pixels - 0.45) * 4.0)
        features = features + self.context(features.mean((2, 3)))[:, :, None, None]
        said = self.answer(self.head(features))
        distances = functional.softplus(said[:, 1:]) * _REACH
        boxes = torch.cat([self.centres - distances[:, :2], self.centres + distances[:, 2:]], dim=1)
        return said[:, 0], boxes


class PixelsToCells(nn.Module):
    """Pixels ``(N, 160, 160, 3) uint8`` to ``(N, 100, 5) float32``: what each cell says, row by row.

    Its probability, and left, top, right, bottom of the box, all within [0, 1].
    """

    def __init__(self, detector: InsetDetector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, pixels: Tensor) -> Tensor:
        """Look at pictures."""
        logits, boxes = self.detector(pixels.permute(0, 3, 1, 2).float() / 255.0)
        said = torch.cat([logits.sigmoid()[:, None], boxes], dim=1).clamp(0.0, 1.0)
        return said.flatten(2).transpose(1, 2)


def export_inset_detector(detector: InsetDetector) -> bytes:
    """Write the graph of `PixelsToCells`: input ``pixels``, output ``cells``, any number of pictures."""
    pixels = torch.zeros((2, SIDE, SIDE, 3), dtype=torch.uint8)
    graph = traced_graph(PixelsToCells(detector).eval(), pixels, {0: "N"}, output="cells")
    return with_half_weights(graph)


def _convolution(
    into: int, out: int, *, kernel: int, stride: int = 1, padding: int | None = None, groups: int = 1
) -> tuple[nn.Module, ...]:
    around = kernel // 2 if padding is None else padding
    return (
        nn.Conv2d(into, out, kernel, stride, around, groups=groups, bias=False),
        nn.BatchNorm2d(out),
        nn.ReLU6(inplace=True),
    )


class _Inverted(nn.Module):
    """An inverted residual (Sandler et al. 2018, MobileNetV2) of twice the width."""

    def __init__(self, into: int, out: int, *, kernel: int, stride: int = 1) -> None:
        super().__init__()
        wide = 2 * into
        self.body = nn.Sequential(
            *_convolution(into, wide, kernel=1),
            *_convolution(wide, wide, kernel=kernel, stride=stride, groups=wide),
            nn.Conv2d(wide, out, 1, bias=False),
            nn.BatchNorm2d(out),
        )
        self.adds = stride == 1 and into == out

    def forward(self, features: Tensor) -> Tensor:
        made: Tensor = self.body(features)
        return features + made if self.adds else made
