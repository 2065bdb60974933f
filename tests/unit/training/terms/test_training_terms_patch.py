"""InfoNCE of cells against nested loops over cells, what leaves it as it is, and batches with little in them."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import permutations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from copylens.errors import UsageError
from copylens.networks.parts import NetworkParts
from copylens.training.augment import OPERATORS, Augmenter, AugmentSettings
from copylens.training.mixing import MixingSettings, make_views
from copylens.training.nouns import NOBODY, PictureBatch, Traces, Views
from copylens.training.terms.base import StepContext
from copylens.training.terms.patch import OtherCells, PatchHead, PatchSettings, PatchTerm, patch_nce
from copylens.training.terms.tracing import cell_overlap
from picture_batches import picture_batch

PICTURES, GRID, CHANNELS = 4, (2, 3), 5
CELLS = GRID[0] * GRID[1]


def views_of(batch: PictureBatch, *operators: str, mixing: MixingSettings | None = None) -> Views:
    chances = {name: float(name in operators) for name in OPERATORS}
    augmenter = Augmenter(AugmentSettings(probability=chances), 16)
    return make_views(augmenter, batch, mixing or MixingSettings(), seed=0, epoch=0, step=0, trace=True)


def context_of(views: Views, batch: PictureBatch, local: Tensor) -> StepContext:
    rows = len(views.pixels)
    parts = NetworkParts(torch.zeros(rows, 2), torch.zeros(rows, local.shape[1]), local)
    return StepContext(batch, views, parts, lambda _: parts, 0, 0, 0)


def local_features(rows: int = 2 * PICTURES, *, seed: int = 0, grid: tuple[int, int] = GRID) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, CHANNELS, *grid, generator=generator, dtype=torch.float64)


def term_of(**changes: object) -> PatchTerm:
    torch.manual_seed(3)
    return PatchTerm(PatchSettings(weight=1.0, dims=4, **changes), CHANNELS, grid=GRID).double()  # type: ignore[arg-type]


def naive_term(term: PatchTerm, context: StepContext) -> tuple[Tensor, dict[str, float]]:
    """Cell by cell: the loss as a graph, and the statistics."""
    settings, sources, traces = term.settings, context.views.sources.tolist(), context.views.traces
    assert traces is not None
    local, pictures = context.parts.local, len(context.batch)
    unit = [[_unit(term, row[:, y, x]) for y in range(GRID[0]) for x in range(GRID[1])] for row in local]
    losses, positive, negative, taken, possible = [], [], [], 0, 0
    for u, v in permutations(range(len(local) // pictures), 2):
        overlaps = cell_overlap(
            traces.rows(slice(u * pictures, (u + 1) * pictures)),
            traces.rows(slice(v * pictures, (v + 1) * pictures)),
            GRID,
        ).tolist()
        for b, i in ((b, i) for b in range(pictures) for i in range(CELLS)):
            a, o, possible = u * pictures + b, v * pictures + b, possible + 1
            weights = overlaps[b][i]
            if sum(weights) == 0.0 or sum(weights) < settings.coverage - 1e-6:
                continue
            scores = [unit[a][i] @ unit[o][j] for j in range(CELLS)]
            denominator = _sum(scores, settings.temperature)
            if settings.negatives == "batch":
                for other in range(len(local)):
                    if not _share(sources[a], sources[other]):
                        more = [unit[a][i] @ cell for cell in unit[other]]
                        denominator = denominator + _sum(more, settings.temperature)
            loss = torch.zeros((), dtype=torch.float64)
            for weight, score in zip(weights, scores, strict=True):
                part = weight / sum(weights)
                loss = loss - part * torch.log(torch.exp(score / settings.temperature) / denominator)
            losses.append(loss)
            positive.append(
                sum(w * float(s.detach()) for w, s in zip(weights, scores, strict=True)) / sum(weights)
            )
            negative += [float(s.detach()) for w, s in zip(weights, scores, strict=True) if w == 0.0]
            taken += 1
    return torch.stack(losses).mean(), {
        "patch/positive": sum(positive) / len(positive),
        "patch/negative": sum(negative) / len(negative),
        "patch/cells": taken / possible,
    }


def _sum(scores: list[Tensor], temperature: float) -> Tensor:
    return torch.stack(scores).div(temperature).exp().sum()


def _unit(term: PatchTerm, features: Tensor) -> Tensor:
    vector: Tensor = term.head(features)
    length: Tensor = vector.norm()
    return vector / length


def _share(one: list[int], other: list[int]) -> bool:
    return bool({s for s in one if s != NOBODY} & set(other))


def gradients(term: PatchTerm, loss: Tensor, local: Tensor) -> dict[str, Tensor]:
    named = {"local": local, **dict(term.named_parameters())}
    return dict(zip(named, torch.autograd.grad(loss, list(named.values())), strict=True))


@pytest.mark.parametrize("negatives", ["view", "batch"])
@pytest.mark.parametrize(
    ("head", "coverage", "operators"),
    [
        ("linear", 0.0, ("crop", "flip")),
        ("mlp", 0.3, ("crop", "rotate", "perspective")),
        ("none", 0.25, ("crop", "overlay")),
        ("linear", 0.5, ("inset",)),
    ],
)
def test_equals_nested_loops(head: str, coverage: float, operators: tuple[str, ...], negatives: str) -> None:
    batch = picture_batch(PICTURES, side=16)
    views = views_of(batch, *operators)
    term = term_of(head=head, coverage=coverage, negatives=negatives)
    local = local_features().requires_grad_()
    context = context_of(views, batch, local)
    loss = term(context)
    twin, statistics = naive_term(term, context)
    assert float(loss.value.detach()) == pytest.approx(float(twin.detach()), rel=1e-5)
    assert {name: float(value) for name, value in loss.statistics.items()} == pytest.approx(
        statistics, rel=1e-5
    )
    mine, theirs = gradients(term, loss.value, local), gradients(term, twin, local)
    for name, gradient in theirs.items():
        assert gradient.abs().max() > 1e-4, name
        torch.testing.assert_close(mine[name], gradient, rtol=1e-4, atol=1e-8)


def test_three_views_of_a_picture_are_compared_two_by_two() -> None:
    batch = picture_batch(2, side=16)
    augmenter = Augmenter("simclr", 16)
    views = make_views(augmenter, batch, MixingSettings(), seed=0, epoch=0, step=0, views=3, trace=True)
    term, local = term_of(), local_features(6).requires_grad_()
    context = context_of(views, batch, local)
    assert float(term(context).value.detach()) == pytest.approx(
        float(naive_term(term, context)[0].detach()), rel=1e-5
    )


def test_near_duplicates_and_pasted_pictures_are_negatives_of_nobody() -> None:
    """Of the cells of the batch only those of other pictures may be pushed away."""
    batch = picture_batch(PICTURES, side=16)
    views = views_of(batch, "crop")
    sources = views.sources.clone()
    sources[2, 0] = 0
    sources[5, 1] = 3
    views = replace(views, sources=sources)
    term = term_of(negatives="batch")
    local = local_features().requires_grad_()
    context = context_of(views, batch, local)
    loss, (twin, _) = term(context), naive_term(term, context)
    assert float(loss.value.detach()) == pytest.approx(float(twin.detach()), rel=1e-5)
    everyone = float(term(context_of(views_of(batch, "crop"), batch, local)).value.detach())
    assert everyone > float(loss.value.detach())


def random_cells(count: int = PICTURES, *, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    a, b = (
        normalize(torch.randn(count, CELLS, 4, generator=generator, dtype=torch.float64), dim=2) for _ in "ab"
    )
    overlap = torch.rand(count, CELLS, CELLS, generator=generator) / CELLS
    return a, b, overlap * (torch.rand(overlap.shape, generator=generator) < 0.4)


def loss_of(a: Tensor, b: Tensor, overlap: Tensor, *, temperature: float = 0.1) -> float:
    return float(patch_nce(a, b, overlap, temperature=temperature).loss.mean().detach())


def test_neither_the_order_nor_a_rotation_nor_a_scale_of_weights_matters() -> None:
    a, b, overlap = random_cells()
    loss = loss_of(a, b, overlap)
    pictures, cells = torch.tensor([2, 0, 3, 1]), torch.tensor([4, 2, 5, 0, 1, 3])
    assert loss_of(a[pictures], b[pictures], overlap[pictures]) == pytest.approx(loss, rel=1e-9)
    assert loss_of(a[:, cells], b, overlap[:, cells]) == pytest.approx(loss, rel=1e-9)
    assert loss_of(a, b[:, cells], overlap[:, :, cells]) == pytest.approx(loss, rel=1e-9)
    turn = torch.linalg.qr(
        torch.randn(4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    )[0]
    assert loss_of(a @ turn, b @ turn, overlap) == pytest.approx(loss, rel=1e-9)
    assert loss_of(a, b, overlap * 0.5) == pytest.approx(loss, rel=1e-5)


def test_it_is_least_where_scores_say_what_the_pixels_say() -> None:
    """The soft target's entropy is the bound, met by the logarithm of the target as scores."""
    target = torch.tensor([[[0.5, 0.25, 0.25], [0.0, 1.0, 0.0], [1 / 3, 1 / 3, 1 / 3]]], dtype=torch.float64)
    entropy = -(target * target.clamp(min=1e-30).log()).sum() / 3
    eye = torch.eye(3, dtype=torch.float64)[None]
    right = target.clamp(min=1e-12).log()
    # One-hot anchors read their scores from the other cells; lengths play no part in the function.
    assert loss_of(eye, right.transpose(1, 2), target, temperature=1.0) == pytest.approx(
        float(entropy), abs=1e-6
    )
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        other = right + 0.3 * torch.randn(right.shape, generator=generator, dtype=torch.float64)
        assert loss_of(eye, other.transpose(1, 2), target, temperature=1.0) > float(entropy)


def test_alike_cells_of_a_blank_picture_give_the_logarithm_of_their_number() -> None:
    a, _, overlap = random_cells()
    blank = a[:, :1].expand(-1, CELLS, -1)
    assert loss_of(blank, blank, overlap) == pytest.approx(math.log(CELLS))


def test_cells_that_are_hardly_seen_are_left_out() -> None:
    a, b, overlap = random_cells()
    overlap = torch.zeros_like(overlap)
    overlap[0, 0, 1], overlap[0, 1, 1], overlap[1, 2, 3] = 0.1, 0.4, 0.9
    shares = [
        patch_nce(a, b, overlap, temperature=0.1, coverage=coverage).loss
        for coverage in (0.0, 0.25, 0.5, 1.0)
    ]
    assert [int(share.terms) for share in shares] == [3, 2, 1, 0]
    assert float(shares[3].mean()) == 0.0
    alone = -torch.log_softmax(a[1, 2] @ b[1].T / 0.1, dim=0)[3]
    assert float(shares[2].mean()) == pytest.approx(float(alone))


def test_negatives_that_are_not_allowed_change_nothing() -> None:
    a, b, overlap = random_cells()
    more = normalize(torch.ones(3, CELLS, 4, dtype=torch.float64), dim=2).requires_grad_()
    nobody = OtherCells(more, torch.zeros(PICTURES, 3, dtype=torch.bool))
    share = patch_nce(a, b, overlap, temperature=0.1, negatives=nobody).loss
    assert float(share.mean().detach()) == pytest.approx(loss_of(a, b, overlap), rel=1e-12)
    assert not torch.autograd.grad(share.total, more)[0].any()


@pytest.mark.parametrize("negatives", ["view", "batch"])
@pytest.mark.parametrize("case", ["blended", "apart", "hidden"])
def test_a_batch_without_common_pixels_is_0_with_gradient_0(case: str, negatives: str) -> None:
    batch = picture_batch(PICTURES, side=16)
    mixing = MixingSettings(probability=float(case == "blended"), mixup_share=1.0)
    views = views_of(batch, "crop", mixing=mixing)
    traces = views.traces
    assert traces is not None
    if case == "apart":
        maps = traces.maps.clone()
        maps[PICTURES:, 0, 2] += 2.0
        traces = Traces(maps, traces.shown, traces.covered)
    elif case == "hidden":
        traces = Traces(traces.maps, traces.shown, traces.shown)
    views = replace(views, traces=traces)
    term, local = term_of(negatives=negatives), local_features().requires_grad_()
    made = term(context_of(views, batch, local))
    assert float(made.value.detach()) == 0.0
    assert {name: float(value) for name, value in made.statistics.items()} == {
        "patch/positive": 0.0,
        "patch/negative": 0.0,
        "patch/cells": 0.0,
    }
    for gradient in gradients(term, made.value, local).values():
        assert torch.equal(gradient, torch.zeros_like(gradient))


def test_one_picture_with_dead_cells_is_finite() -> None:
    batch = picture_batch(1, side=16)
    views = views_of(batch, "crop")
    local = local_features(2).float()
    local[0, :, 0], local[1, :, :, 1] = 0.0, 0.0
    local.requires_grad_()
    heads: tuple[PatchHead, ...] = ("none", "linear")
    for head in heads:
        term = PatchTerm(PatchSettings(weight=1.0, head=head, negatives="batch"), CHANNELS)
        value = term(context_of(views, batch, local)).value
        value.backward()
        assert torch.isfinite(value)
        assert local.grad is not None
        assert local.grad.abs().max() < 1e5


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_features_give_a_float32_loss(dtype: torch.dtype) -> None:
    batch = picture_batch(PICTURES, side=16)
    views, local = views_of(batch, "crop"), local_features()
    term = term_of().float()
    half = local.to(dtype).requires_grad_()
    made = term(context_of(views, batch, half))
    exact = term(context_of(views, batch, half.detach().float()))
    assert made.value.dtype == torch.float32
    assert float(made.value.detach()) == float(exact.value.detach())
    made.value.backward()
    assert half.grad is not None
    assert half.grad.dtype == dtype


def test_features_that_know_their_place_have_a_lower_loss() -> None:
    """A feature map read from the coordinates of the picture is told from one that is not."""
    batch = picture_batch(PICTURES, side=16)
    views = views_of(batch, "crop", "flip")
    assert views.traces is not None
    centres = [torch.tensor([(x + 0.5) / 3, (y + 0.5) / 2, 1.0]) for y in range(2) for x in range(3)]
    seen = views.traces.maps @ torch.stack(centres, dim=1)
    x, y = seen[:, 0] / seen[:, 2] * 3.0, seen[:, 1] / seen[:, 2] * 3.0
    local = torch.stack([x.sin(), x.cos(), y.sin(), y.cos()], dim=1).view(-1, 4, *GRID)
    term = PatchTerm(PatchSettings(weight=1.0, head="none"), 4)
    right = term(context_of(views, batch, local))
    mirrored = torch.cat([local[:PICTURES], local[PICTURES:].flip(3)])
    wrong = term(context_of(views, batch, mirrored))
    assert float(right.value) < float(wrong.value) - 0.5
    assert float(right.statistics["patch/positive"]) > float(right.statistics["patch/negative"]) + 0.2


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"weight": -1.0}, "patch.weight is -1: it cannot be negative"),
        ({"weight": float("nan")}, "patch.weight is nan"),
        ({"temperature": 0.0}, "patch.temperature is 0: it must be positive"),
        ({"dims": 1}, "patch.dims is 1: it must be at least 2"),
        ({"coverage": 1.5}, "patch.coverage is 1.5: it must be from 0 to 1"),
    ],
)
def test_what_cannot_be_meant_is_said(table: dict[str, float], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        PatchSettings(**table)  # type: ignore[arg-type]


def test_a_single_cell_has_nothing_to_be_told_from() -> None:
    with pytest.raises(UsageError, match=r"take a larger loop\.size"):
        PatchTerm(PatchSettings(weight=1.0), CHANNELS, grid=(1, 1))
    term = PatchTerm(PatchSettings(weight=1.0, negatives="batch"), CHANNELS, grid=(1, 1))
    batch = picture_batch(PICTURES, side=16)
    local = local_features(grid=(1, 1)).float()
    assert float(term(context_of(views_of(batch, "flip"), batch, local)).value.detach()) > 0.0


def test_views_without_traces_are_a_mistake_of_the_caller() -> None:
    batch = picture_batch(PICTURES, side=16)
    views = replace(views_of(batch, "crop"), traces=None)
    with pytest.raises(ValueError, match="trace=True"):
        term_of()(context_of(views, batch, local_features()))
