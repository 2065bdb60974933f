"""A backbone of your own: any module that maps normalised pixels to a feature map ``(N, C, h, w)``, or to tokens.

Train with it: copylens train examples/photos --backbone examples/own_backbone.py:build --output own-model
"""

from __future__ import annotations

import torch
from torch import nn

from copylens.networks.registry import register_backbone
from copylens.networks.sscd import SSCDNetwork


@register_backbone("four-convolutions")
def build() -> nn.Module:
    """Four convolutions, each of which halves the picture."""
    layers: list[nn.Module] = []
    for before, after in ((3, 32), (32, 64), (64, 128), (128, 256)):
        layers += [nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers)


if __name__ == "__main__":
    # In Python, a registered backbone goes by its name.
    network = SSCDNetwork("four-convolutions", dims=64).eval()
    with torch.no_grad():
        parts = network.forward_parts(torch.randn(2, 3, 96, 128))
    print(f"local features {tuple(parts.local.shape)}, descriptors {tuple(parts.descriptors.shape)}")
