"""A trained network and held-out pictures in; their scores and nearest neighbours, for the page of a training, out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from copylens.errors import ImageError
from copylens.images import decode, decode_box, prepare, thumbnail_of
from copylens.networks.sscd import SSCDNetwork
from copylens.records import Descriptors, InputSpec
from copylens.training.augment import Augmenter
from copylens.training.data import PictureSource
from copylens.training.data.canvas import Drawn, draw
from copylens.training.losses.positives import share_a_source
from copylens.training.mixing import make_views
from copylens.training.nouns import PictureBatch
from copylens.training.settings import TrainSettings
from copylens.training.validation import describe_pixels, normalised_views

Scores: TypeAlias = npt.NDArray[np.float32]

PICTURES = 256
"""Held-out pictures that are described; more make the page no clearer."""

SHOWN, NEAREST = 12, 5
"""Pictures whose neighbours are shown, and neighbours of each."""

CHUNK = 32
SIDE = 160


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One of the nearest others.

    Attributes:
        picture: its place in `Samples.pictures`.
        score: of the two whole pictures.
    """

    picture: int
    score: float


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A picture on the page.

    Attributes:
        name: where it lies.
        thumbnail: the bytes of a WebP picture; none where it has vanished meanwhile.
    """

    name: str
    thumbnail: bytes


@dataclass(frozen=True, slots=True)
class Samples:
    """What a network says of n pictures that it did not learn from.

    Attributes:
        positives: ``(n,)``, scores of the two views of each.
        nearest_negatives: ``(2 n,)``, of every view, first the n first views, then the n second ones: the highest
            score with a view that shares no picture with it; NaN where there is none.
        pictures: those that are shown, each once.
        neighbours: the place in `pictures` of a picture, and its nearest others, the nearest first.
        threshold: of the exported model.
    """

    positives: Scores
    nearest_negatives: Scores
    pictures: tuple[ShownPicture, ...]
    neighbours: tuple[tuple[int, tuple[Neighbour, ...]], ...]
    threshold: float


def sample(
    network: SSCDNetwork,
    settings: TrainSettings,
    source: PictureSource,
    held_out: Sequence[int],
    *,
    device: torch.device,
    threshold: float,
    progress: Callable[[str, int, int | None], None],
) -> Samples | None:
    """Describe some held-out pictures, whole and as two augmented views each.

    Args:
        network: trained, on the device; it comes back in the mode it had.
        settings: of the run.
        source: of the pictures.
        held_out: their numbers in the source; of many, some that are evenly spread.
        device: where the network is.
        threshold: of the exported model.
        progress: called as ``progress("describe", done, total)``.

    Returns:
        None where fewer than two pictures can be read.
    """
    chosen = _spread(held_out, PICTURES)
    augmenter = Augmenter(settings.augment, settings.loop.size)
    parts = []
    for start in range(0, len(chosen), CHUNK):
        read = _read(source, chosen[start : start + CHUNK], settings)
        if read is not None:
            parts.append(_describe(network, settings, augmenter, read, device))
        progress("describe", min(start + CHUNK, len(chosen)), len(chosen))
    numbers = [number for part in parts for number in part.numbers]
    if len(numbers) < 2:
        return None
    positives, negatives = _view_scores(parts)
    pictures, neighbours = _neighbours(source, numbers, np.concatenate([part.whole for part in parts]))
    return Samples(positives, negatives, pictures, neighbours, threshold)


def _spread(numbers: Sequence[int], most: int) -> list[int]:
    if len(numbers) <= most:
        return list(numbers)
    return [numbers[place] for place in np.linspace(0, len(numbers) - 1, most).round().astype(int)]


@dataclass(frozen=True)
class _Read:
    """Pictures that could be read: their numbers, their squares for the augmenter, and whole as the model sees them."""

    numbers: list[int]
    drawn: list[Drawn]
    whole: npt.NDArray[np.uint8]


def _read(source: PictureSource, numbers: Sequence[int], settings: TrainSettings) -> _Read | None:
    spec = InputSpec(settings.export.size, settings.export.size)
    kept, drawn, whole = [], [], []
    for number in numbers:
        try:
            data = source.read(number)
            square = draw(data, settings.data.canvas)
            whole.append(prepare(decode(data, box=decode_box(spec)).pixels, spec))
        except ImageError:
            # Broken pictures are listed where the threshold is found.
            continue
        kept.append(number)
        drawn.append(square)
    return _Read(kept, drawn, np.stack(whole)) if kept else None


@dataclass(frozen=True)
class _Described:
    """Descriptors ``(n, D)`` of whole pictures and of both their views, and the sources ``(n, 2)`` of the views."""

    numbers: list[int]
    whole: Descriptors
    views: tuple[Descriptors, Descriptors]
    sources: tuple[torch.Tensor, torch.Tensor]


def _describe(
    network: SSCDNetwork, settings: TrainSettings, augmenter: Augmenter, read: _Read, device: torch.device
) -> _Described:
    count = len(read.numbers)
    batch = PictureBatch(
        torch.from_numpy(np.stack([one.pixels for one in read.drawn])).to(device),
        torch.tensor([one.aspect for one in read.drawn], dtype=torch.float32),
        torch.tensor(read.numbers, dtype=torch.int64),
    )
    was_training = network.training
    network.eval()
    with torch.no_grad():
        views = make_views(augmenter, batch, settings.mixing, seed=settings.loop.seed, epoch=0, step=0)
        rows = network(normalised_views(views.pixels, settings.network)).float().cpu().numpy()
    network.train(was_training)
    sources = views.sources.cpu()
    return _Described(
        read.numbers,
        describe_pixels(network, read.whole, settings.network, device),
        (rows[:count], rows[count:]),
        (sources[:count], sources[count:]),
    )


def _view_scores(parts: Sequence[_Described]) -> tuple[Scores, Scores]:
    """Compare all views; those of one picture, or that share one by mixing or pasting, are no negatives."""
    first, second = (np.concatenate([part.views[view] for part in parts]) for view in (0, 1))
    rows = np.concatenate([first, second])
    sources = torch.cat([part.sources[view] for view in (0, 1) for part in parts])
    scores = rows @ rows.T
    scores[share_a_source(sources, sources).numpy()] = -np.inf
    nearest = scores.max(axis=1)
    return np.einsum("nd,nd->n", first, second), np.where(np.isfinite(nearest), nearest, np.float32(np.nan))


def _neighbours(
    source: PictureSource, numbers: Sequence[int], whole: Descriptors
) -> tuple[tuple[ShownPicture, ...], tuple[tuple[int, tuple[Neighbour, ...]], ...]]:
    """Show pictures from the one with the nearest other to the one that is most alone, evenly spread between."""
    scores = whole @ whole.T
    np.fill_diagonal(scores, -np.inf)
    order = np.argsort(-scores.max(axis=1), kind="stable")
    shown = _spread([int(row) for row in order], SHOWN)
    places: dict[int, int] = {}

    def place(row: int) -> int:
        return places.setdefault(row, len(places))

    found = []
    for row in shown:
        nearest = np.argsort(-scores[row], kind="stable")[: min(NEAREST, len(numbers) - 1)]
        others = tuple(Neighbour(place(int(other)), float(scores[row, other])) for other in nearest)
        found.append((place(row), others))
    pictures = tuple(
        ShownPicture(source.name(numbers[row]), _thumbnail(source, numbers[row])) for row in places
    )
    return pictures, tuple(found)


def _thumbnail(source: PictureSource, number: int) -> bytes:
    try:
        return thumbnail_of(source.read(number), side=SIDE)
    except ImageError:
        # It was there a moment ago; the page says that it is gone.
        return b""
