"""Batches of pictures in, the views that are trained on out: augmented, and some of them two pictures at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from copylens.errors import UsageError
from copylens.training.augment.augmenter import Augmenter
from copylens.training.augment.drawing import Draws, Flags, Floats, Integers
from copylens.training.augment.sampling import to_device
from copylens.training.augment.settings import AugmentSettings
from copylens.training.nouns import NOBODY, PictureBatch, Traces, Views

MIXED_PRESETS = {"advanced_mixup": 0.05}
"""Presets of augmentation that mix, and how often."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MixingSettings:
    """How often two pictures become one view.

    Attributes:
        probability: of a view to be mixed; the paper's is 0.05.
        mixup_share: which part of the mixed is blended (mixup); the others have a rectangle of the partner (CutMix).
        alpha: both parameters of the Beta distribution of the ratio.
    """

    probability: float = 0.0
    mixup_share: float = 0.5
    alpha: float = 2.0

    def __post_init__(self) -> None:
        """Find what cannot be meant.

        Raises:
            UsageError: names the key and what it must be.
        """
        for name in ("probability", "mixup_share"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise UsageError(f"mixing.{name} is {value:g}: give a number from 0 to 1.")
        if not self.alpha > 0.0:
            raise UsageError(f"mixing.alpha is {self.alpha:g}: it must be positive.")


def mixing_of(augment: AugmentSettings, mixing: MixingSettings) -> MixingSettings:
    """The mixing that a preset brings where the recipe's own has probability 0, else the recipe's own."""
    brought = MIXED_PRESETS.get(augment.preset, 0.0)
    if mixing.probability or not brought:
        return mixing
    return MixingSettings(probability=brought, mixup_share=mixing.mixup_share, alpha=mixing.alpha)


@dataclass(frozen=True, slots=True)
class Mixed:
    """Views after mixing, and what was done; rows as in the views.

    Attributes:
        views: the mixed views.
        partner: ``(N,) int64``, row of the other view, -1 where nothing was mixed.
        ratio: ``(N,) float64``, how much of the view's own picture is left: weight or area; 1 where not mixed.
        cut: ``(N,) bool``, by CutMix.
    """

    views: Views
    partner: Integers
    ratio: Floats
    cut: Flags


@torch.no_grad()
def mix(views: Views, settings: MixingSettings, draws: Draws, *, single: Flags) -> Mixed:
    """Mix some views of one number with others of it.

    Partners are drawn from the views that hold one picture, and give their pixels as they were before any mixing. A
    view that already holds two pictures is left alone, since `Views.sources` has room for two.

    Args:
        views: B views, one of every picture.
        settings: how often and how.
        draws: of the B pictures.
        single: ``(B,) bool``, views that hold one picture; on the host, so that nothing waits for the device.
    """
    partner = np.full(len(draws), -1, dtype=np.int64)
    ratio, cut = np.ones(len(draws)), np.zeros(len(draws), dtype=bool)
    chosen = draws.happens("mixing", settings.probability) & single
    if chosen.any():
        pool, rows = np.flatnonzero(single), np.flatnonzero(chosen)
        found = draws.subset(rows).partner("mixing/partner", draws.keys[pool])
        partner[rows[found >= 0]] = pool[found[found >= 0]]
    rows = np.flatnonzero(partner >= 0)
    if not len(rows):
        return Mixed(views, partner, ratio, cut)
    some = draws.subset(rows)
    ratio[rows] = some.beta("mixing/ratio", settings.alpha)
    cut[rows] = ~some.happens("mixing/mixup", settings.mixup_share)
    return _blend(views, some, partner, ratio, cut)


def _blend(views: Views, draws: Draws, partner: Integers, ratio: Floats, cut: Flags) -> Mixed:
    rows = np.flatnonzero(partner >= 0)
    size = views.pixels.shape[-1]
    boxes = cut_boxes(draws, ratio[rows], size)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) / size**2
    ratio[rows] = np.where(cut[rows], 1.0 - area, ratio[rows])
    device = views.pixels.device
    index, other = to_device(rows, device), to_device(partner[rows], device)
    left, top, right, bottom = to_device(boxes, device)[:, :, None].unbind(1)
    places = torch.arange(size, device=device)
    across, down = (places >= left) & (places < right), (places >= top) & (places < bottom)
    box = (across[:, None, :] & down[:, :, None])[:, None].float()
    blend = to_device(1.0 - ratio[rows], device)[:, None, None, None]
    weight = torch.where(to_device(cut[rows].astype(np.int64), device)[:, None, None, None] > 0, box, blend)
    pixels, sources = views.pixels.clone(), views.sources.clone()
    pixels[index] = torch.lerp(views.pixels[index], views.pixels[other], weight)
    sources[index, 1] = views.sources[other, 0]
    traces = views.traces
    if traces is not None:
        # A blend covers the whole view: no point of it shows one picture.
        whole = np.array([0.0, 0.0, 1.0, 1.0])
        covered = traces.covered.clone()
        covered[index] = to_device(np.where(cut[rows][:, None], boxes / size, whole), device)
        traces = Traces(traces.maps, traces.shown, covered)
    return Mixed(Views(pixels, sources, traces), partner, ratio, cut)


def cut_boxes(draws: Draws, ratio: Floats, size: int) -> Integers:
    """Rectangles of area 1 - ratio about a uniform centre, clipped to the view (Yun et al. 2019).

    Returns:
        ``(n, 4) int64``, left, top, right, bottom in pixels; the area is smaller where it was clipped.
    """
    half = np.sqrt(1.0 - ratio)[:, None] * size / 2.0
    centre = draws.uniforms("mixing/centre", 0.0, float(size), 2)
    corners = np.concatenate([centre - half, centre + half], axis=1)
    return np.clip(np.round(corners), 0, size).astype(np.int64)


def make_views(
    augmenter: Augmenter,
    batch: PictureBatch,
    mixing: MixingSettings,
    *,
    seed: int,
    epoch: int,
    step: int,  # noqa: ARG001 - what happens to a picture must not depend on when in an epoch it comes
    views: int = 2,
    trace: bool = False,
) -> Views:
    """Augment every picture several times and mix some views.

    Args:
        augmenter: makes the views.
        batch: B pictures.
        mixing: how often two pictures become one view; the preset's own where its probability is 0.
        seed: of the run.
        epoch: of the training.
        step: of the epoch; nothing is drawn from it.
        views: how many of every picture.
        trace: say where the points of the views lie in their pictures.

    Returns:
        ``views x B`` rows, view by view. Where another picture was pasted on a view, or lies behind it, or was mixed
        into it, that one is its second source: the view shares content with both, and is a negative of neither.
    """
    mixing = mixing_of(augmenter.settings, mixing)
    keys = batch.keys.cpu().numpy()
    # Near-duplicates carry one number, so that they are positives; they are drawn for one by one all the same.
    numbers = keys if batch.groups is None else batch.groups.cpu().numpy()
    made = []
    for view in range(views):
        augmented = augmenter.augment(batch, seed=seed, epoch=epoch, view=view)
        single = augmented.others < 0
        others = np.where(single, NOBODY, numbers[augmented.others])
        sources = torch.from_numpy(np.stack([numbers, others], axis=1)).to(batch.pixels.device)
        one = Views(augmented.pixels, sources, augmented.traces() if trace else None)
        draws = Draws(keys, seed=seed, epoch=epoch, view=view)
        made.append(mix(one, mixing, draws, single=single).views)
    traces = [v.traces for v in made if v.traces is not None]
    return Views(
        torch.cat([v.pixels for v in made]),
        torch.cat([v.sources for v in made]),
        _joined(traces) if traces else None,
    )


def _joined(traces: list[Traces]) -> Traces:
    return Traces(
        torch.cat([t.maps for t in traces]),
        torch.cat([t.shown for t in traces]),
        torch.cat([t.covered for t in traces]),
    )
