"""The current network and the loader's pictures in; the orders of the epochs that follow, and what to log, out.

The order of an epoch follows from the seed, the epoch, and what was found at the last look. That is kept with the
checkpoint, so a run that was killed goes on with the batches it would have had.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar, cast

import numpy as np
import torch
from torch import distributed
from torch.nn import functional

from copylens.errors import TooManyMatchesError, UsageError
from copylens.networks.sscd import SSCDNetwork
from copylens.postprocess.clusters import cluster_rows
from copylens.training.data.canvas import Drawn
from copylens.training.data.loader import PictureLoader
from copylens.training.data.order import shuffled
from copylens.training.exporting import SAME, calibrate
from copylens.training.mining.composing import (
    Bonds,
    Composed,
    compose,
    groups_of_clusters,
    groups_of_neighbours,
)
from copylens.training.mining.looking import Alike, Described, Ints, look, nearest_score
from copylens.training.objective import AUTOCAST
from copylens.training.processes import Processes
from copylens.training.settings import TrainSettings
from copylens.training.validation import normalised_views
from copylens.workflows.settings import Progress, silent

T = TypeVar("T")

CANDIDATES = 4
"""Neighbours looked up for each that a group wants: the nearest ones may be taken."""

SAMPLE = 4096
"""Pictures among whose pairs the threshold is measured: eight million pairs."""

ITERATIONS = 15
"""Of the clustering."""

COMPARED = 64
"""Batches over which the nearest negatives are averaged."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at the pictures found.

    Attributes:
        epoch: for which it was made.
        alike: neighbours, none where clusters are asked for; and copies.
        clusters: ``(K,) int64``, -1 for a broken picture; empty where neighbours are asked for.
    """

    epoch: int
    alike: Alike
    clusters: Ints


class Miner:
    """Composes the order of every epoch from what the network takes for alike.

    Args:
        settings: the recipe.
        loader: of the pictures; it takes its orders from here from now on.
        processes: which process this is. All describe a share, the first one compares and decides for all.

    Raises:
        UsageError: a group does not fit into a batch, or there are fewer pictures than clusters.
    """

    def __init__(self, settings: TrainSettings, loader: PictureLoader, processes: Processes) -> None:
        self._settings, self._mining = settings, settings.mining
        self._loader, self._processes = loader, processes
        self._batch = settings.loop.batch
        self._found: Found | None = None
        self._last: tuple[Found, int, Composed] | None = None
        if self._mining.group > self._batch:
            raise UsageError(
                f"mining.group is {self._mining.group}: a batch has no more than {self._batch} pictures."
            )
        if self._mining.kind == "clusters" and self._clusters > len(loader.keys):
            raise UsageError(
                f"mining.clusters is {self._clusters}: there are no more than {len(loader.keys):,} pictures."
            )
        groups = loader.groups
        self._groups = loader.keys if groups is None else groups
        loader.compose_by(self.order)

    def order(self, epoch: int) -> Ints | None:
        """The permutation ``(K,) int64`` of an epoch; None until somebody has looked for it."""
        wanted = self._look_of(epoch)
        if wanted is None:
            return self._random(epoch)
        found = self._found
        return None if found is None or found.epoch != wanted else self._compose(found, epoch).places

    def look(self, epoch: int, network: SSCDNetwork, *, progress: Progress = silent) -> dict[str, Any] | None:
        """Look at the pictures with the network, where an epoch needs it; all processes must call it alike.

        Args:
            epoch: that begins.
            network: comes back in the mode it had.
            progress: called as ``progress("describe", done, total)``.

        Returns:
            What is worth logging, None where nothing was to do. ``random`` and ``mined`` are the mean scores of the
            nearest negative in a batch, in the shuffled and in the composed order. ``problem`` is a sentence where
            everything looks alike; then the order is random.
        """
        wanted = self._look_of(epoch)
        if wanted is None or (self._found is not None and self._found.epoch == wanted):
            return None
        started = time.perf_counter()
        described = self._described(network, progress)
        decided = _decided_by_first(self._processes, lambda: self._decide(described, wanted, epoch))
        self._found, values = decided
        return {"epoch": epoch, **values, "seconds": time.perf_counter() - started}

    def state_dict(self) -> dict[str, Any]:
        """What was found; all that resuming needs."""
        found = self._found
        if found is None:
            return {}
        return {
            "epoch": found.epoch,
            # Half the size; there are fewer than two thousand million pictures.
            "neighbours": torch.from_numpy(found.alike.neighbours).int(),
            "copies": torch.from_numpy(found.alike.copies).int(),
            "clusters": torch.from_numpy(found.clusters).int(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self._found = None
        if state:
            neighbours, copies, clusters = (
                state[name].numpy().astype(np.int64) for name in ("neighbours", "copies", "clusters")
            )
            self._found = Found(int(state["epoch"]), Alike(neighbours, copies), clusters)
        self._loader.compose_by(self.order)

    @property
    def _clusters(self) -> int:
        return self._mining.clusters or max(1, len(self._loader.keys) // (4 * self._mining.group))

    def _look_of(self, epoch: int) -> int | None:
        """The epoch at whose start somebody looks for this one; None where it is random."""
        since = epoch - self._mining.start_epoch
        return None if since < 0 else epoch - since % self._mining.refresh_epochs

    def _random(self, epoch: int) -> Ints:
        return shuffled(self._loader.keys, self._settings.loop.seed, epoch)

    def _compose(self, found: Found, epoch: int) -> Composed:
        if self._last is None or self._last[0] is not found or self._last[1] != epoch:
            self._last = (found, epoch, self._newly_composed(found, epoch))
        return self._last[2]

    def _newly_composed(self, found: Found, epoch: int) -> Composed:
        base, mining = self._random(epoch), self._mining
        bonds = Bonds(self._groups, found.alike.copies)
        groups = (
            groups_of_neighbours(base, found.alike, bonds, mining.group)
            if mining.kind == "neighbours"
            else groups_of_clusters(base, found.clusters, bonds, mining.group)
        )
        return compose(base, groups, bonds, batch=self._batch, share=mining.share, size=mining.group)

    def _decide(self, described: Described | None, wanted: int, epoch: int) -> tuple[Found, dict[str, Any]]:
        """Compare the pictures; on the first process only."""
        assert described is not None
        mining, total = self._mining, len(described.rows)
        threshold = mining.protect_threshold
        if threshold is None:
            threshold = self._measured(described)
        count = CANDIDATES * mining.group if mining.kind == "neighbours" else 0
        try:
            alike = look(described, threshold=threshold, count=min(count, total - 1))
        except TooManyMatchesError as error:
            nobody = Alike(np.empty((total, 0), np.int64), np.empty((0, 2), np.int64))
            problem = f"{error} Batches stay random until the next look (mining.protect_threshold)."
            return Found(wanted, nobody, np.full(total, -1)), {"threshold": threshold, "problem": problem}
        clusters = self._clustered(described) if mining.kind == "clusters" else np.empty(0, np.int64)
        found = Found(wanted, alike, clusters)
        composed = self._compose(found, epoch)
        random, mined = (
            nearest_score(described, self._some_batches(places), threshold=threshold)
            for places in (self._random(epoch), composed.places)
        )
        return found, {
            "threshold": threshold,
            "copies": len(alike.copies),
            "copies_together": composed.together,
            "grouped": composed.grouped / (total // self._batch * self._batch),
            "random": random,
            "mined": mined,
        }

    def _some_batches(self, places: Ints) -> Ints:
        steps = min(len(places) // self._batch, COMPARED)
        return places[: steps * self._batch].reshape(steps, self._batch)

    def _measured(self, described: Described) -> float:
        """The threshold that an export would find, on some of the pictures; that of equal ones where they are few."""
        chosen = self._random(0)
        chosen = chosen[described.sound.cpu().numpy()[chosen]][:SAMPLE]
        rows = described.rows[torch.from_numpy(chosen).to(described.rows.device)].cpu().numpy()
        measured = calibrate(rows, self._settings.export.false_matches)
        return SAME if measured is None else measured.threshold

    def _clustered(self, described: Described) -> Ints:
        sound = described.sound.cpu().numpy()
        rows = described.rows.cpu().numpy()[sound]
        count = min(self._clusters, len(rows))
        clusters = np.full(len(sound), -1, np.int64)
        clusters[sound] = cluster_rows(
            rows, count, seed=self._settings.loop.seed, iterations=ITERATIONS
        ).numbers
        return clusters

    def _described(self, network: SSCDNetwork, progress: Progress) -> Described | None:
        """Describe this process's share and gather all on the first; None on the others."""
        total, place = len(self._loader.keys), self._processes
        mine = range(place.rank, total, place.world)
        was_training = network.training
        network.eval()
        own = torch.zeros(len(mine), self._settings.network.dims)
        sound = torch.zeros(len(mine), dtype=torch.bool)
        canvases, done = self._loader.canvases(mine), 0
        while batch := list(islice(canvases, max(1, self._batch // place.world))):
            kept = [row for row, drawn in enumerate(batch, start=done) if drawn is not None]
            if kept:
                own[kept] = self._describe(network, [drawn for drawn in batch if drawn is not None])
                sound[kept] = True
            done += len(batch)
            progress("describe", done, len(mine))
        network.train(was_training)
        shares = _gathered_on_first(place, (own.numpy(), sound.numpy()))
        if shares is None:
            return None
        rows, flags = torch.zeros(total, own.shape[1]), torch.zeros(total, dtype=torch.bool)
        for rank, (share, kept_flags) in enumerate(shares):
            rows[rank :: place.world] = torch.from_numpy(share)
            flags[rank :: place.world] = torch.from_numpy(kept_flags)
        device = place.device
        return Described(rows.to(device), flags.to(device), torch.from_numpy(self._groups).to(device))

    @torch.no_grad()
    def _describe(self, network: SSCDNetwork, drawn: list[Drawn]) -> torch.Tensor:
        """Describe canvases, not augmented: ``(n, D) float32`` on the host."""
        settings, device = self._settings, self._processes.device
        pixels = torch.from_numpy(np.stack([one.pixels for one in drawn])).to(device).float() / 255.0
        side = self._mining.size or settings.loop.size
        if pixels.shape[-1] != side:
            pixels = functional.interpolate(pixels, (side, side), mode="bilinear", antialias=True)
        rows = normalised_views(pixels, settings.network)
        if settings.loop.channels_last:
            rows = rows.contiguous(memory_format=torch.channels_last)
        precision = AUTOCAST[settings.loop.precision]
        with torch.autocast(device.type, dtype=precision, enabled=precision is not None, cache_enabled=False):
            made = network(rows)
        return functional.normalize(made.float()).cpu()


def _gathered_on_first(processes: Processes, share: T) -> list[T] | None:
    """The shares of all processes, by rank, on the first; None on the others."""
    if processes.world == 1:
        return [share]
    shares: list[Any] | None = [None] * processes.world if processes.is_first else None
    distributed.gather_object(share, shares, dst=0)
    return shares


def _decided_by_first(processes: Processes, decide: Callable[[], T]) -> T:
    """What the first process decides, on all of them."""
    if processes.world == 1:
        return decide()
    answer = [decide() if processes.is_first else None]
    distributed.broadcast_object_list(answer, src=0)
    return cast(T, answer[0])
