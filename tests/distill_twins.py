"""Distillation as nested loops in float64, and teachers that know their answers by heart."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from copylens.networks.parts import NetworkParts
from copylens.training.nouns import NOBODY, PictureBatch, Views
from copylens.training.terms.base import StepContext
from copylens.training.terms.distill import Distillation, DistillSettings

SIDE = 4


def unit_rows(count: int, dims: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return normalize(torch.randn(count, dims, generator=generator, dtype=torch.float64))


def naive_cosine(student: Tensor, teachers: list[Tensor]) -> Tensor:
    """The mean of 1 - cosine with the teachers' descriptors laid side by side."""
    losses = []
    for i, row in enumerate(student):
        wanted = torch.cat([teacher[i] for teacher in teachers])
        losses.append(1 - (row * wanted).sum() / (row.norm() * wanted.norm()))
    return torch.stack(losses).mean()


def naive_relations(student: Tensor, teachers: list[Tensor], temperature: float) -> tuple[Tensor, Tensor]:
    """The mean squared difference of the scores of pairs, and the mean divergence of rows."""
    count = len(student)
    squares, divergences = [], []
    for i in range(count):
        others = [j for j in range(count) if j != i]
        own = [(student[i] * student[j]).sum() for j in others]
        wanted = [sum(float(rows[i] @ rows[j]) for rows in teachers) / len(teachers) for j in others]
        squares += [(a - b) ** 2 for a, b in zip(own, wanted, strict=True)]
        below = sum(math.exp(b / temperature) for b in wanted)
        own_below = torch.stack([torch.exp(a / temperature) for a in own]).sum()
        terms = []
        for a, b in zip(own, wanted, strict=True):
            p = math.exp(b / temperature) / below
            terms.append(p * (math.log(p) - torch.log(torch.exp(a / temperature) / own_below)))
        divergences.append(torch.stack(terms).sum())
    return torch.stack(squares).mean(), torch.stack(divergences).mean()


@dataclass
class KnownTeachers:
    """Teachers whose answers for every row are given; a row of pixels carries its number in every value."""

    answers: list[Tensor]
    shown: list[int] = field(default_factory=list)

    @property
    def packages(self) -> list[Any]:
        return [
            SimpleNamespace(name=f"t{number}", dims=rows.shape[1], fingerprint=f"f{number}", licence="MIT")
            for number, rows in enumerate(self.answers)
        ]

    def describe(self, pixels: Tensor) -> list[Tensor]:
        numbers = pixels[:, 0, 0, 0]
        if pixels.dtype != torch.uint8:
            numbers = (numbers * 1000).round()
        self.shown += numbers.long().tolist()
        return [rows[numbers.long()] for rows in self.answers]


def distillation(settings: DistillSettings, answers: list[Tensor], dims: int) -> Distillation:
    return Distillation(settings, KnownTeachers(answers), dims)  # type: ignore[arg-type]


def context_of(descriptors: Tensor, *, rows: list[int] | None = None) -> StepContext:
    """A step of two views of each picture; `rows` are the numbers that the views' pixels carry.

    The pictures themselves carry the numbers 100, 101, ...
    """
    numbers = torch.tensor(list(range(len(descriptors))) if rows is None else rows)
    count = len(descriptors) // 2
    keys = numbers[:count]
    pixels = (numbers.float() / 1000)[:, None, None, None].expand(-1, 3, SIDE, SIDE)
    canvases = (100 + torch.arange(count)).to(torch.uint8)[:, None, None, None].expand(-1, 3, SIDE, SIDE)
    sources = torch.stack([keys.repeat(2), torch.full((2 * count,), NOBODY)], dim=1)
    parts = NetworkParts(descriptors, descriptors, descriptors[:, :, None, None])
    batch = PictureBatch(canvases, torch.ones(count), keys)

    def never(_pixels: Tensor) -> NetworkParts:
        raise AssertionError("distillation needs no further pass")

    return StepContext(batch, Views(pixels, sources), parts, never, 0, 0, 0)
