"""Batches of pictures in, augmented views out, on whatever device the pictures lie.

What happens to a picture is decided on the host from its key and carried out on the device for the rows that need it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from copylens.training.augment.colours import JITTERS, jitter, make_grey
from copylens.training.augment.detailing import CHANGES
from copylens.training.augment.drawing import Draws, Floats, Integers
from copylens.training.augment.framing import Framing, draw_frames, frame_views
from copylens.training.augment.geometry import Placement, place
from copylens.training.augment.lettering import text_atlas
from copylens.training.augment.overlaying import overlay, overlay_boxes
from copylens.training.augment.pasting import Atlas, Pasted, paste, put_in_frame, visible_part
from copylens.training.augment.sampling import resample, to_device
from copylens.training.augment.screens import Screens, usual_screens
from copylens.training.augment.scribbles import scribble_atlas
from copylens.training.augment.settings import AugmentSettings, Strength
from copylens.training.augment.stickers import sticker_atlas
from copylens.training.nouns import PictureBatch, Traces

_CPU_ROWS = 64
_DEVICE_PIXELS = 1 << 24
"""Of the views that go through the operators at once: rows that a CPU's caches hold; elsewhere so many pixels that an
operation outlasts its launch. With 1,024 views of 128 px an H200 took 5,300 pictures a second, with 256 only 3,800.
"""


@dataclass(frozen=True, slots=True)
class Augmented:
    """One view of every picture of a batch.

    Attributes:
        pixels: ``(B, 3, size, size) float32`` in [0, 1].
        others: ``(B,) int64`` on the host: row of the second picture that is in the view, -1 where there is none.
        places: where the pixels come from; one a chunk of rows, in order.
        covered: ``(B, 4) float64``, left, top, right, bottom of what another picture covers, in parts of the view; of
            no area where none lies on top.
        beside: ``(B, M, 4) float64``, the same of other pictures that a screen shows.
    """

    pixels: Tensor
    others: Integers
    places: tuple[Placement, ...]
    covered: Floats
    beside: Floats

    def traces(self) -> Traces:
        """Where the points of the views lie in their pictures, on the device of the pixels."""
        maps = np.concatenate([place.to_canvas for place in self.places] or [np.zeros((0, 3, 3))])
        inner = np.concatenate([place.inner for place in self.places] or [np.zeros((0, 4))])
        parts = (to_device(part, self.pixels.device) for part in (maps, inner, self.covered))
        return Traces(*parts)


class Augmenter:
    """Makes views of pictures.

    Args:
        preset: a name in `PRESETS`, or settings.
        size: of the views in pixels.
        screens: for screenshots; None takes the usual ones.

    Raises:
        UsageError: there is no such preset.
    """

    def __init__(self, preset: str | AugmentSettings, size: int, *, screens: Screens | None = None) -> None:
        self.settings = AugmentSettings(preset=preset) if isinstance(preset, str) else preset
        self.size = size
        self.screens = usual_screens() if screens is None else screens
        self._atlases: dict[tuple[str, torch.device], Atlas] = {}

    def __call__(self, batch: PictureBatch, *, seed: int, epoch: int, view: int) -> Tensor:
        """One view of every picture, ``(B, 3, size, size) float32`` in [0, 1]."""
        return self.augment(batch, seed=seed, epoch=epoch, view=view).pixels

    @torch.no_grad()
    def augment(self, batch: PictureBatch, *, seed: int, epoch: int, view: int) -> Augmented:
        """One view of every picture, and what else is known of it.

        Args:
            batch: on any device; `keys` and `aspects` are best left on the host, where they are needed.
            seed: of the run.
            epoch: of the training.
            view: number of the view.
        """
        keys, aspects = batch.keys.cpu().numpy(), batch.aspects.cpu().numpy().astype(np.float64)
        strength = self.settings.strength(view)
        device = batch.pixels.device
        pixels = torch.empty((len(keys), 3, self.size, self.size), device=device)
        others, places = np.full(len(keys), -1, dtype=np.int64), []
        covered = np.zeros((len(keys), 4))
        beside = np.zeros((len(keys), *self.screens.others.shape[1:]))
        step = _CPU_ROWS if device.type == "cpu" else max(1, _DEVICE_PIXELS // self.size**2)
        with torch.autocast(device.type, enabled=False):
            for start in range(0, len(keys), step):
                rows = np.arange(start, min(start + step, len(keys)))
                draws = Draws(keys[rows], seed=seed, epoch=epoch, view=view)
                work = _Chunk(self, batch, keys, aspects, rows, draws, strength)
                pixels[start : start + step] = work.make()
                others[rows], covered[rows] = work.others, work.covered
                beside[rows] = work.frames.beside
                places.append(work.place)
        return Augmented(pixels, others, tuple(places), covered, beside)

    def atlas(self, name: str, device: torch.device) -> Atlas:
        """The drawings of an operator, on a device; drawn at the first use."""
        if (name, device) not in self._atlases:
            drawn = {"sticker": sticker_atlas, "scribble": scribble_atlas}
            atlas = drawn[name]() if name in drawn else text_atlas(self.settings.fonts)
            self._atlases[name, device] = atlas.to(device)
        return self._atlases[name, device]


class _Chunk:
    """Some rows of a batch on their way through the operators."""

    def __init__(
        self,
        augmenter: Augmenter,
        batch: PictureBatch,
        keys: Integers,
        aspects: Floats,
        rows: Integers,
        draws: Draws,
        strength: Strength,
    ) -> None:
        self._augmenter, self._batch, self._keys, self._aspects = augmenter, batch, keys, aspects
        self._draws, self._strength = draws, strength
        self._rows = rows
        self._size, self._device = augmenter.size, batch.pixels.device
        self.frames: Framing = draw_frames(draws, strength, keys, augmenter.screens)
        self.place = place(draws, aspects[rows], strength, self.frames.inner)
        self.others = self.frames.partner.copy()
        self.covered = np.zeros((len(rows), 4))

    def make(self) -> Tensor:
        """``(n, 3, size, size)``, in the order of `OPERATORS`."""
        first, last = int(self._rows[0]), int(self._rows[-1]) + 1
        views = resample(self._batch.pixels[first:last], self.place.to_canvas, self._size)
        for name in ("text", "sticker", "scribble"):
            self._paste(views, name)
        self._frame(views)
        self._overlay(views)
        self._change(views, "stripes")
        self._colour(views)
        self._change(views, "halftone", "pixelate", "smear", "blur", "noise", "jpeg")
        return views

    def _happening(self, name: str) -> Integers:
        return np.flatnonzero(self._draws.happens(name, self._strength.probability[name]))

    def _paste(self, views: Tensor, name: str) -> None:
        rows = self._happening(name)
        if not len(rows):
            return
        draws, ranges = self._draws.subset(rows), self._strength.ranges
        atlas = self._augmenter.atlas(name, self._device)
        entries = draws.integer(f"{name}/which", 0, len(atlas))
        place = Placement(
            self.place.to_canvas[rows],
            self.place.to_frame[rows],
            self.place.frame[rows],
            self.place.inner[rows],
        )
        size = draws.uniform(f"{name}/size", *ranges[f"{name}.size"])
        pasted = Pasted(
            entries,
            put_in_frame(draws, name, place, size, atlas.ratios[entries]),
            draws.uniform(f"{name}/opacity", *ranges[f"{name}.opacity"]),
            draws.uniforms(f"{name}/colour", 0.0, 1.0, 3),
        )
        index = to_device(rows, self._device)
        views[index] = paste(views[index], atlas, pasted, visible_part(place, self._size, self._device))

    def _frame(self, views: Tensor) -> None:
        rows = np.flatnonzero(self.frames.kind != 0)
        if len(rows):
            index, draws = to_device(rows, self._device), self._draws.subset(rows)
            frames = self.frames.subset(rows)
            words = self._augmenter.atlas("text", self._device)
            views[index] = frame_views(
                views[index],
                draws,
                frames,
                self._batch.pixels,
                self._aspects,
                words,
                self._augmenter.screens,
            )

    def _overlay(self, views: Tensor) -> None:
        # A view holds two pictures at most: one that already lies in another gets none on top.
        rows = np.array([r for r in self._happening("overlay") if self.others[r] < 0], dtype=np.int64)
        draws = self._draws.subset(rows)
        partner = draws.partner("overlay/partner", self._keys)
        rows, draws, partner = rows[partner >= 0], draws.subset(partner >= 0), partner[partner >= 0]
        if len(rows):
            index = to_device(rows, self._device)
            other = self._batch.pixels[to_device(partner, self._device)]
            boxes = overlay_boxes(draws, self._aspects[partner], self._strength)
            opacity = draws.uniform("overlay/opacity", *self._strength.ranges["overlay.opacity"])
            views[index] = overlay(views[index], other, boxes, opacity)
            self.others[rows], self.covered[rows] = partner, boxes

    def _change(self, views: Tensor, *names: str) -> None:
        for name in names:
            rows = self._happening(name)
            if len(rows):
                index, draws = to_device(rows, self._device), self._draws.subset(rows)
                views[index] = CHANGES[name](views[index], draws, self._strength.ranges)

    def _colour(self, views: Tensor) -> None:
        rows = self._happening("jitter")
        if len(rows):
            index = to_device(rows, self._device)
            ranges = {name: self._strength.ranges[f"jitter.{name}"] for name in JITTERS}
            views[index] = jitter(views[index], self._draws.subset(rows), ranges)
        rows = self._happening("grey")
        if len(rows):
            index = to_device(rows, self._device)
            views[index] = make_grey(views[index])
