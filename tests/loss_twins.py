"""Losses as nested loops over explicit pairs in float64, and random batches to compare them on."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

import torch
from torch.nn.functional import normalize

from copylens.training.losses.positives import ExtraNegatives, own_column, share_a_source
from copylens.training.nouns import NOBODY

DTYPES = [torch.float32, torch.float16, torch.bfloat16]


def batch(
    pictures: int, *, views: int = 2, dims: int = 6, mixed: int = 0, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Unit rows in float64 and their sources, view by view; the first `mixed` rows show a second picture."""
    generator = torch.Generator().manual_seed(seed)
    rows = pictures * views
    descriptors = normalize(torch.randn(rows, dims, generator=generator, dtype=torch.float64))
    sources = torch.full((rows, 2), NOBODY)
    sources[:, 0] = torch.arange(pictures).repeat(views)
    sources[:mixed, 1] = (sources[:mixed, 0] + 1) % pictures
    return descriptors, sources


def masks(sources: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return share_a_source(sources, sources), own_column(len(sources), len(sources), 0)


def pictures_of(source: torch.Tensor) -> set[int]:
    return {int(picture) for picture in source if picture != NOBODY}


def neighbours(sources: torch.Tensor, i: int) -> tuple[list[int], list[int]]:
    """Positives and negatives of row i."""
    others = [k for k in range(len(sources)) if k != i]
    own = pictures_of(sources[i])
    positives = [k for k in others if own & pictures_of(sources[k])]
    return positives, [k for k in others if k not in positives]


def extra_of(sources: torch.Tensor, rows: torch.Tensor, row_sources: torch.Tensor) -> ExtraNegatives:
    allowed = torch.zeros(len(sources), len(rows), dtype=torch.bool)
    for i, m in product(range(len(sources)), range(len(rows))):
        allowed[i, m] = not pictures_of(sources[i]) & pictures_of(row_sources[m])
    return ExtraNegatives(rows, allowed)


def former_rows(sources: torch.Tensor) -> ExtraNegatives:
    rows, row_sources = batch(5, views=1, seed=9)
    row_sources[:, 0] += 3
    return extra_of(sources, rows.float(), row_sources)


def with_gradient(
    function: Callable[[torch.Tensor], torch.Tensor], z: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    leaf = z.detach().clone().requires_grad_()
    value = function(leaf)
    value.backward()  # type: ignore[no-untyped-call]
    assert leaf.grad is not None
    return value.detach(), leaf.grad


def _against(
    z: torch.Tensor, sources: torch.Tensor, i: int, extra: ExtraNegatives | None
) -> list[torch.Tensor]:
    """Scores of row i with all its negatives."""
    scores = [z[i] @ z[k] for k in neighbours(sources, i)[1]]
    if extra is not None:
        scores += [
            z[i] @ row.double() for row, yes in zip(extra.descriptors, extra.allowed[i], strict=True) if yes
        ]
    return scores


def info_nce_twin(
    z: torch.Tensor,
    sources: torch.Tensor,
    *,
    temperature: float,
    average: str,
    extra: ExtraNegatives | None = None,
) -> torch.Tensor:
    per_anchor: list[list[torch.Tensor]] = []
    for i in range(len(z)):
        denominators = [(score / temperature).exp() for score in _against(z, sources, i, extra)]
        losses = []
        for j in neighbours(sources, i)[0]:
            numerator = (z[i] @ z[j] / temperature).exp()
            losses.append(-(numerator / (numerator + sum(denominators))).log())
        per_anchor.append(losses)
    if average == "pairs":
        return _mean([loss for losses in per_anchor for loss in losses], z)
    return _mean([_mean(losses, z) for losses in per_anchor if losses], z)


def koleo_twin(z: torch.Tensor, sources: torch.Tensor, extra: ExtraNegatives | None = None) -> torch.Tensor:
    terms = []
    for i in range(len(z)):
        scores = _against(z, sources, i, extra)
        if scores:
            nearest = max(scores, key=lambda score: score.item())
            terms.append(-((2 - 2 * nearest).clamp(min=1e-6).sqrt()).log())
    return _mean(terms, z)


def nt_xent_twin(z: torch.Tensor, temperature: float) -> torch.Tensor:
    half = len(z) // 2
    losses = []
    for i in range(len(z)):
        partner = i + half if i < half else i - half
        everybody = [(z[i] @ z[k] / temperature).exp() for k in range(len(z)) if k != i]
        losses.append(-((z[i] @ z[partner] / temperature).exp() / sum(everybody)).log())
    return _mean(losses, z)


def statistics_twin(z: torch.Tensor, sources: torch.Tensor) -> dict[str, float]:
    scores: dict[str, list[float]] = {"positive": [], "negative": [], "nearest_negative": []}
    for i in range(len(z)):
        positives, negatives = neighbours(sources, i)
        scores["positive"] += [float(z[i] @ z[k]) for k in positives]
        scores["negative"] += [float(z[i] @ z[k]) for k in negatives]
        if negatives:
            scores["nearest_negative"].append(max(float(z[i] @ z[k]) for k in negatives))
    result = {name: sum(values) / len(values) if values else 0.0 for name, values in scores.items()}
    mean = [sum(float(row[d]) for row in z) / len(z) for d in range(z.shape[1])]
    return {**result, "mean_norm": math.sqrt(sum(value * value for value in mean))}


def _mean(values: list[torch.Tensor], z: torch.Tensor) -> torch.Tensor:
    return torch.stack(values).mean() if values else z.sum() * 0
