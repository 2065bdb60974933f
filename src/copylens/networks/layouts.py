"""Whatever a backbone yields in, a regular grid of local features and the tokens before it out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import torch
from torch import nn
from torch.nn import functional

from copylens.errors import UsageError
from copylens.networks.wording import first_line

Kind: TypeAlias = Literal["NCHW", "NHWC", "tokens"]
Size: TypeAlias = tuple[int, int]

PROBES: tuple[Size, ...] = ((64, 96), (192, 288))
"""Height and width of the pictures that a backbone is tried with; not square, so that the axes can be told apart."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a backbone hands its features over, and which sizes it takes.

    Attributes:
        kind: a feature map, channels first or last, or a sequence of tokens.
        width: C.
        prefix: tokens before those of the patches: class and registers.
        has_class: the first of them is a class token.
        multiple: height and width must be multiples of these: the patch.
        fixed: the only size that it takes, or None for any.
    """

    kind: Kind
    width: int
    prefix: int = 0
    has_class: bool = False
    multiple: Size = (1, 1)
    fixed: Size | None = None

    def size_for(self, height: int, width: int) -> Size:
        """Say at which size the backbone sees a picture: the nearest multiples (at least one), or the only size."""
        if self.fixed is not None:
            return self.fixed
        return _nearest(height, self.multiple[0]), _nearest(width, self.multiple[1])

    def fitted(self, pixels: torch.Tensor) -> torch.Tensor:
        """Bring ``(N, 3, H, W)`` to a size that the backbone takes.

        Resized (bilinear), not padded: so every cell of the grid stands for an equal part of the picture, and no
        token sees a border that is not in it.
        """
        height, width = int(pixels.shape[2]), int(pixels.shape[3])
        size = self.size_for(height, width)
        if size == (height, width):
            return pixels
        return functional.interpolate(pixels, size=size, mode="bilinear", align_corners=False)

    def split(self, features: torch.Tensor, size: Size) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Part features into the grid ``(N, C, h, w)`` and the tokens before it ``(N, P, C)``, or None.

        Args:
            features: as the backbone yields them.
            size: H and W of what it was given.

        Raises:
            UsageError: the tokens make no grid of the picture's shape.
        """
        if self.kind == "NCHW":
            return features, None
        if self.kind == "NHWC":
            return features.permute(0, 3, 1, 2), None
        rows, columns = grid_of(int(features.shape[1]) - self.prefix, size)
        cells = features[:, self.prefix :].transpose(1, 2).reshape(-1, self.width, rows, columns)
        return cells, features[:, : self.prefix] if self.prefix else None


def layout_of(backbone: nn.Module, name: str) -> Layout:
    """Find the layout by one pass over blank pictures; the backbone and the random states stay as they are.

    Parameters on which the features do not depend (of a classifier's own layers) are frozen: no optimiser and no
    exchange of gradients between processes has to know of them.

    Args:
        backbone: of timm, or a user's own.
        name: for messages.

    Raises:
        UsageError: it takes no picture, or yields neither a feature map nor tokens.
    """
    ratio = _patch(backbone)
    faults = []
    for size, fixed in _sizes_to_try(backbone, ratio):
        try:
            features = _tried(backbone, size)
        except (AssertionError, RuntimeError, ValueError, IndexError) as error:
            faults.append(f"{size[0]}x{size[1]}: {first_line(error)}")
            continue
        return _layout(backbone, name, features, size, ratio, fixed=fixed)
    raise UsageError(f"network.backbone: {name!r} takes no picture ({'; '.join(faults)}).")


def run_backbone(backbone: nn.Module, pixels: torch.Tensor) -> Any:
    """Features of pixels, as they come; not by timm's own forward, which some end with a layer of their classifier."""
    forward: Any = getattr(backbone, "forward_features", backbone)
    return forward(pixels)


def grid_of(cells: int, size: Size) -> Size:
    """Say how many rows and columns a picture of this size has, of so many square patches.

    Raises:
        UsageError: no such grid.
    """
    rows = max(1, round(math.sqrt(max(cells, 0) * size[0] / size[1])))
    if cells < 1 or cells % rows:
        raise UsageError(
            f"The backbone yields {cells} tokens for {size[0]}x{size[1]} pixels, which make no regular grid; set "
            "num_prefix_tokens of your module, or take another size."
        )
    return rows, cells // rows


def _nearest(length: int, multiple: int) -> int:
    return max(1, math.floor(length / multiple + 0.5)) * multiple


def _patch(backbone: nn.Module) -> Size | None:
    """The patch of a transformer, where it says so."""
    ratio = getattr(getattr(backbone, "patch_embed", None), "feat_ratio", None)
    if ratio is None:
        return None
    rows, columns = ratio(as_scalar=False)
    return int(rows), int(columns)


def _sizes_to_try(backbone: nn.Module, ratio: Size | None) -> list[tuple[Size, bool]]:
    """Sizes, and whether the backbone is then held to take this one only."""
    rows, columns = ratio or (1, 1)
    tries = [((_nearest(h, rows), _nearest(w, columns)), False) for h, w in PROBES]
    own = getattr(getattr(backbone, "patch_embed", None), "img_size", None)
    if own is None:
        own = (getattr(backbone, "pretrained_cfg", None) or {}).get("input_size", (3, 224, 224))[1:]
    return [*tries, ((int(own[0]), int(own[1])), True)]


def _tried(backbone: nn.Module, size: Size) -> torch.Tensor:
    """Features of blank pictures; freezes what they do not depend on.

    In training mode: in evaluation mode some networks take from a cache what they learn.
    """
    modes = [(module, module.training) for module in backbone.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in backbone.buffers()]
    learning = [parameter for parameter in backbone.parameters() if parameter.requires_grad]
    try:
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            backbone.train()
            features = run_backbone(backbone, torch.zeros(2, 3, *size))
            if not isinstance(features, torch.Tensor):
                raise ValueError(f"yields {type(features).__name__}, not a tensor")
            if features.requires_grad:
                gradients = torch.autograd.grad(features.sum(), learning, allow_unused=True)
                for parameter, gradient in zip(learning, gradients, strict=True):
                    parameter.requires_grad_(gradient is not None)
    finally:
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
        for module, mode in modes:
            module.training = mode
    return features.detach()


def _layout(
    backbone: nn.Module, name: str, features: torch.Tensor, size: Size, ratio: Size | None, *, fixed: bool
) -> Layout:
    only = size if fixed else None
    shape = tuple(features.shape)
    if features.ndim == 3:
        prefix = int(getattr(backbone, "num_prefix_tokens", 0) or 0)
        rows, columns = grid_of(shape[1] - prefix, size)
        has_class = prefix > 0 and getattr(backbone, "cls_token", True) is not None
        multiple = ratio or (size[0] // rows, size[1] // columns)
        return Layout("tokens", shape[2], prefix, has_class, multiple, only)
    if features.ndim == 4:
        kind = _kind_of_map(backbone, shape)
        return Layout(kind, shape[1 if kind == "NCHW" else 3], multiple=ratio or (1, 1), fixed=only)
    raise UsageError(
        f"network.backbone: {name!r} yields {shape} for {(2, 3, *size)}, not a feature map (N, C, h, w) nor tokens "
        "(N, L, C)."
    )


def _kind_of_map(backbone: nn.Module, shape: tuple[int, ...]) -> Kind:
    said = getattr(backbone, "output_fmt", None)
    if said is not None:
        return "NHWC" if str(getattr(said, "value", said)).upper() == "NHWC" else "NCHW"
    width = getattr(backbone, "num_features", None)
    return "NHWC" if width == shape[3] and width != shape[1] else "NCHW"
