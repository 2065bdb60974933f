"""A grid of local features and the tokens before it in, one vector per image out."""

from __future__ import annotations

import math
from typing import TypeAlias

import torch
from torch import nn
from torch.nn import functional

from copylens.errors import UsageError

EPSILON = 1e-6

SOFT_ROOT = 0.01
"""Below this part of the mean of |x|^p the root of a signed mean is bent into a line; see `SignedGeM`."""

POOLINGS = ("gem", "average", "signed-gem", "softplus-gem", "cls", "attention")
"""Names of poolings; several joined by ``+`` are concatenated."""

Pooling: TypeAlias = str
Prefix: TypeAlias = torch.Tensor | None


class GeM(nn.Module):
    """Generalised-mean pooling with a fixed power (Radenović et al. 2018, eq. 3; SSCD uses p = 3).

    ``(N, C, h, w) -> (N, C)``: ``mean(clamp(x, 1e-6) ** p) ** (1 / p)`` over space, in float32. p = 1 is average
    pooling of the positive part. A learned p diverges in SSCD's training, so it is a constant.
    """

    def __init__(self, p: float = 3.0) -> None:
        super().__init__()
        self.p = p

    def forward(self, local: torch.Tensor, _prefix: Prefix = None) -> torch.Tensor:
        """Pool ``(N, C, h, w)`` to ``(N, C)``; a prefix is not looked at."""
        # The third power of the smallest value is below what float16 can hold.
        powered = _in_full(local).clamp(min=EPSILON) ** self.p
        pooled: torch.Tensor = powered.mean(dim=(2, 3)) ** (1.0 / self.p)
        return pooled


class SignedGeM(nn.Module):
    """Generalised mean that keeps signs, for features that are not rectified, such as a transformer's tokens.

    ``(N, C, h, w) -> (N, C)`` in float32: with ``m = mean(sign(x) |x|^p)`` and ``s = mean(|x|^p)`` over space, it is
    ``sign(m) |m|^(1/p)``, where m is not small beside s. The slope of that root is infinite at m = 0, which features
    of both signs pass all the time; so it is ``m (m² + (0.01 s)²)^((1/p - 1) / 2)``, whose slope is bounded, and which
    grows with x as the root does. p = 1 is average pooling.
    """

    def __init__(self, p: float = 3.0) -> None:
        super().__init__()
        self.p = p

    def forward(self, local: torch.Tensor, _prefix: Prefix = None) -> torch.Tensor:
        """Pool ``(N, C, h, w)`` to ``(N, C)``; a prefix is not looked at."""
        x = _in_full(local)
        size = x.abs().clamp(min=EPSILON)
        moment = (x * size ** (self.p - 1)).mean(dim=(2, 3))
        # Of about size 1 before the powers: squares of third powers of small numbers are zero in float32.
        scale = (size**self.p).mean(dim=(2, 3)).clamp(min=torch.finfo(x.dtype).tiny)
        share = moment / scale
        pooled: torch.Tensor = (
            share * (share**2 + SOFT_ROOT**2) ** ((1 / self.p - 1) / 2) * scale ** (1 / self.p)
        )
        return pooled


class SoftplusGeM(nn.Module):
    """Generalised mean of ``log(1 + exp(x))``: negative values count less, but none is thrown away.

    ``(N, C, h, w) -> (N, C)``, in float32. p = 1 is the average of the softplus.
    """

    def __init__(self, p: float = 3.0) -> None:
        super().__init__()
        self.p = p

    def forward(self, local: torch.Tensor, _prefix: Prefix = None) -> torch.Tensor:
        """Pool ``(N, C, h, w)`` to ``(N, C)``; a prefix is not looked at."""
        powered = functional.softplus(_in_full(local)).clamp(min=EPSILON) ** self.p
        pooled: torch.Tensor = powered.mean(dim=(2, 3)) ** (1.0 / self.p)
        return pooled


class AveragePooling(nn.Module):
    """The plain mean over space, as in SimCLR: ``(N, C, h, w) -> (N, C)``."""

    def forward(self, local: torch.Tensor, _prefix: Prefix = None) -> torch.Tensor:
        """Pool ``(N, C, h, w)`` to ``(N, C)``; a prefix is not looked at."""
        return local.mean(dim=(2, 3))


class ClassToken(nn.Module):
    """The class token, as in DINO: ``(N, P, C) -> (N, C)``."""

    def forward(self, _local: torch.Tensor, prefix: Prefix = None) -> torch.Tensor:
        """Take the first token of the prefix.

        Raises:
            UsageError: there is none.
        """
        if prefix is None:
            raise UsageError("network.pooling cls needs a backbone with a class token.")
        return prefix[:, 0]


class AttentionPooling(nn.Module):
    """A mean over space whose weights are learned: the softmax of each cell's product with a learned query.

    Pooling by multi-head attention with one seed (Lee et al. 2019, Set Transformer, section 3.2), without its
    projections: the query takes up that of the keys, and the head of the network that of the values. Each of H
    queries weighs its own C/H channels. They start at zero, which is average pooling.

    Args:
        width: C.
        heads: H at most; the largest common divisor with C is taken.
    """

    def __init__(self, width: int, heads: int = 8) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.zeros(math.gcd(width, heads), width))

    def forward(self, local: torch.Tensor, _prefix: Prefix = None) -> torch.Tensor:
        """Pool ``(N, C, h, w)`` to ``(N, C)``, in float32; a prefix is not looked at."""
        heads, width = self.query.shape
        cells = _in_full(local).flatten(2)
        with torch.autocast(local.device.type, enabled=False):
            weights = (self.query.to(cells.dtype) @ cells / math.sqrt(width)).softmax(dim=2)
            values = cells.reshape(-1, heads, width // heads, cells.shape[2])
            return (values * weights[:, :, None]).sum(dim=3).flatten(1)


class Concatenated(nn.Module):
    """Several poolings beside each other: ``(N, C), (N, C), ... -> (N, C')``."""

    def __init__(self, members: list[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, local: torch.Tensor, prefix: Prefix = None) -> torch.Tensor:
        """Pool with each and join the rows."""
        return torch.cat([member(local, prefix) for member in self.members], dim=1)


def pooling_fault(pooling: str) -> str | None:
    """Say in words what is wrong with the name of a pooling; None where nothing is."""
    names = pooling.split("+")
    for name in names:
        if name not in POOLINGS:
            return f"{name!r} is not one of {', '.join(POOLINGS)}; several are joined by +, as cls+gem"
    if len(set(names)) < len(names):
        return f"{pooling!r} names a pooling twice"
    return None


def make_pooling(pooling: Pooling, *, width: int, p: float, has_class: bool) -> tuple[nn.Module, int]:
    """Build a pooling and say how wide its rows are.

    Args:
        pooling: of `POOLINGS`, or several joined by ``+``.
        width: C of the local features.
        p: the power of the GeMs.
        has_class: there is a class token.

    Raises:
        UsageError: no such pooling, or a class token is asked for where there is none.
    """
    fault = pooling_fault(pooling)
    if fault is not None:
        raise UsageError(f"network.pooling: {fault}.")
    names = pooling.split("+")
    if "cls" in names and not has_class:
        raise UsageError(
            f"network.pooling {pooling} needs a class token, which this backbone does not have; take average, "
            "signed-gem or attention."
        )
    members = [_single(name, width, p) for name in names]
    return (members[0] if len(members) == 1 else Concatenated(members)), width * len(members)


def _single(name: str, width: int, p: float) -> nn.Module:
    if name == "average":
        return AveragePooling()
    if name == "cls":
        return ClassToken()
    if name == "attention":
        return AttentionPooling(width)
    powered = {"gem": GeM, "signed-gem": SignedGeM, "softplus-gem": SoftplusGeM}
    return powered[name](p)


def _in_full(local: torch.Tensor) -> torch.Tensor:
    """In float32 where it was less."""
    return local.float() if local.dtype in (torch.float16, torch.bfloat16) else local
