"""Files of the structure of Meta's published SSCD models, with random weights.

Names and structure are those that github.com/facebookresearch/sscd-copy-detection documents: ``.torchvision.pt`` is
the state dictionary of a module whose ``backbone`` is a torchvision ResNet with GeM for its pooling and the projection
for its ``fc``; ``.torchscript.pt`` is a module of Classy Vision blocks, compiled.
"""

from __future__ import annotations

import importlib
import warnings
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn
from torch.nn import functional

from copylens.networks.torchvision_shim import import_timm

Architecture = Literal["resnet50", "resnext101_32x4d"]
Compiled = Literal["script", "trace", "frozen script", "frozen trace"]
COMPILED: tuple[Compiled, ...] = ("script", "trace", "frozen script", "frozen trace")
SIDE = 64


class FlatGeM(nn.Module):
    """GeM over flattened positions."""

    def __init__(self, power: float) -> None:
        super().__init__()
        self.power = power

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(N, C, H, W)`` to ``(N, C)``."""
        n, c, h, w = x.size()
        return x.reshape(n, c, h * w).clamp(min=1e-6).pow(self.power).mean(dim=2).pow(1.0 / self.power)


class UnitLength(nn.Module):
    """The L2 norm as a layer."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Rows of length 1."""
        return functional.normalize(x)


class TorchvisionModel(nn.Module):
    """``backbone`` with GeM and projection inside, then the L2 norm."""

    def __init__(self, architecture: Architecture, dims: int) -> None:
        super().__init__()
        import_timm()
        resnet: Any = importlib.import_module("torchvision.models.resnet")
        blocks = [3, 4, 6, 3] if architecture == "resnet50" else [3, 4, 23, 3]
        groups = {} if architecture == "resnet50" else {"groups": 32, "width_per_group": 4}
        self.backbone = resnet.ResNet(resnet.Bottleneck, blocks, num_classes=dims, **groups)
        self.backbone.avgpool = FlatGeM(3.0)
        self.embeddings = UnitLength()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalised pixels to descriptors."""
        descriptors: torch.Tensor = self.embeddings(self.backbone(x))
        return descriptors


class ClassyBlock(nn.Module):
    """A residual block under Classy Vision's names."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.downsample = nn.Sequential(
            nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)
        )
        self.convolutional_block = nn.Sequential(
            nn.Conv2d(inside, outside, 3, stride, 1, groups=2, bias=False), nn.BatchNorm2d(outside)
        )
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """A feature map to the next."""
        activated: torch.Tensor = self.relu(self.downsample(x) + self.convolutional_block(x))
        return activated


class ClassyBackbone(nn.Module):
    """A small trunk under Classy Vision's names."""

    def __init__(self) -> None:
        super().__init__()
        stem = [nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
        self.initial_block = nn.Sequential(*stem)
        names = [("block0-0", ClassyBlock(8, 12, 1)), ("block0-1", ClassyBlock(12, 20, 2))]
        self.blocks = nn.Sequential(nn.Sequential(OrderedDict(names)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pixels to a feature map."""
        features: torch.Tensor = self.blocks(self.initial_block(x))
        return features


class ClassyModel(nn.Module):
    """``backbone`` to a feature map, ``embeddings`` to descriptors."""

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.backbone = ClassyBackbone()
        self.embeddings = nn.Sequential(FlatGeM(3.0), nn.Linear(20, dims), UnitLength())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalised pixels to descriptors."""
        descriptors: torch.Tensor = self.embeddings(self.backbone(x))
        return descriptors


def trained_looking(model: nn.Module, seed: int = 0) -> nn.Module:
    """Give BatchNorm and biases values that no initialisation has; evaluation mode."""
    draw = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values, low, high in (
                (module.weight, 0.5, 1.5),
                (module.bias, -0.2, 0.2),
                (module.running_mean, -0.2, 0.2),
                (module.running_var, 0.5, 1.5),
            ):
                assert values is not None
                values.data.uniform_(low, high, generator=draw)
        if isinstance(module, nn.Linear):
            module.bias.data.uniform_(-0.1, 0.1, generator=draw)
    return model.eval()


def torchvision_model(architecture: Architecture, dims: int) -> nn.Module:
    """Make a model whose state dictionary is a ``.torchvision.pt`` file."""
    torch.manual_seed(0)
    return trained_looking(TorchvisionModel(architecture, dims))


def write_torchscript(path: Path, compiled: Compiled = "script", dims: int = 16) -> nn.Module:
    """Write a ``.torchscript.pt`` file and return the module that it was compiled from."""
    torch.manual_seed(0)
    model = trained_looking(ClassyModel(dims))
    jit: Any = torch.jit
    steps: list[Callable[[Any], Any]] = [
        jit.script if "script" in compiled else lambda m: jit.trace(m, torch.zeros(2, 3, SIDE, SIDE))
    ]
    if "frozen" in compiled:
        steps.append(jit.freeze)
    program: Any = model
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for step in steps:
            program = step(program)
        jit.save(program, str(path))
    return model
