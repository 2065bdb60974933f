"""The name of a family of backbones in, its smallest member out, made smaller still where timm lets it."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from copylens.networks.torchvision_shim import import_timm

_TOKENS: dict[str, Any] = {"embed_dim": 32, "depth": 2, "num_heads": 2, "dynamic_img_size": True}
_WINDOWS: dict[str, Any] = {
    "embed_dim": 16,
    "depths": (2, 2),
    "num_heads": (2, 2),
    "window_size": 4,
    "dynamic_img_size": True,
}

FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "ResNet": ("test_resnet", {}),
    "ResNeXt": ("resnext50_32x4d", {"layers": (1, 1, 1, 1), "base_width": 1}),
    "RegNet": ("regnetx_002", {}),
    "RepVGG": ("repvgg_a0", {}),
    "MobileOne": ("mobileone_s0", {}),
    "MobileNetV4": ("mobilenetv4_conv_small_035", {}),
    "EfficientNet": ("test_efficientnet", {}),
    "ConvNeXt": ("test_convnext", {}),
    "Swin": ("swin_tiny_patch4_window7_224", _WINDOWS),
    "ViT": ("vit_tiny_patch16_224", _TOKENS),
    "DINOv2 with registers": ("vit_small_patch14_reg4_dinov2", _TOKENS | {"img_size": 224}),
    "DINOv3": ("vit_small_patch16_dinov3", _TOKENS),
    "ViT on a ResNet": ("vit_tiny_r_s16_p8_224", _TOKENS),
    "CoAtNet, of one size": ("test_coatnet", {}),
}


def family_member(family: str, *, seed: int = 0) -> nn.Module:
    """Build it; vectors and what starts at zero are moved, so that nothing is the identity or blocks the rest."""
    name, options = FAMILIES[family]
    torch.manual_seed(seed)
    made: nn.Module = import_timm().create_model(name, num_classes=0, global_pool="", **options)
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.ndim == 1 or not parameter.any():
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return made
