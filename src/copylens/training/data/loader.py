"""A source of pictures in, batches of decoded pictures out, in an order that seed and epoch fix.

Threads fill the batches ahead. They decode themselves, since Pillow lets go of Python's lock while it does and nothing
has to be copied between processes, or have processes decode (`DataSettings.decode_in`). Memory: the batches ahead
(``prefetch + 1`` x B x 3 x S x S bytes), what is decoded just now, and the cache if asked for.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from copylens.errors import UsageError
from copylens.records import Skipped
from copylens.training.data.canvas import CHANNELS, Canvas, Drawn
from copylens.training.data.canvases import Canvases, KeptCanvases
from copylens.training.data.decoding import TASK, Decoding, InThisThread
from copylens.training.data.order import Ints, Order, shuffled
from copylens.training.data.processes import PLACES, InProcesses
from copylens.training.data.settings import DataSettings
from copylens.training.data.sources import PictureSource
from copylens.training.nouns import PictureBatch

Orders: TypeAlias = Callable[[int], "Ints | None"]
"""Epoch to its permutation ``(K,) int64`` of positions in the loader's keys; None where it is not known yet."""


@dataclass(frozen=True)
class _Begun:
    """A batch that threads are filling."""

    epoch: int
    step: int
    pixels: torch.Tensor
    aspects: npt.NDArray[np.float32]
    keys: Ints
    tasks: list[Future[None]]


class PictureLoader:
    """Batches of one process; use it in a ``with`` block, which ends its threads.

    A broken picture is replaced by another of the same epoch, always the same, so that batches keep their size.

    Args:
        source: of the pictures.
        settings: how they are decoded and kept.
        batch: B, pictures a step on this process.
        seed: of the order.
        keys: ``(K,) int64``, the pictures that take part; None is all.
        groups: ``(len(source),) int64``, the number of each picture's group, for `PictureBatch.groups`; None for
            no groups.
        rank, world: which process this is, of how many.
        device: where the pixels go; from pinned memory, without waiting, where it is CUDA.

    Raises:
        UsageError: too few pictures for one step, or a cache that would not fit into memory.
    """

    def __init__(
        self,
        source: PictureSource,
        settings: DataSettings,
        *,
        batch: int,
        seed: int,
        keys: npt.NDArray[np.int64] | None = None,
        groups: npt.NDArray[np.int64] | None = None,
        rank: int = 0,
        world: int = 1,
        device: torch.device | str = "cpu",
    ) -> None:
        everything = np.arange(len(source), dtype=np.int64)
        self._keys = everything if keys is None else np.unique(np.asarray(keys, np.int64))
        if len(self._keys) < batch * world:
            raise UsageError(
                f"{len(self._keys):,} pictures are too few for one batch of {batch * world:,}; give more pictures, or "
                f"a loop.batch of at most {len(self._keys):,}."
            )
        self._groups = None if groups is None else np.asarray(groups, np.int64)
        self._batch, self._seed, self._rank, self._world = batch, seed, rank, world
        self._settings, self._device = settings, torch.device(device)
        self._canvases = self._make_canvases(source)
        self._ahead: deque[_Begun] = deque()
        self._orders: dict[int, Order] = {}
        self._composed: Orders | None = None
        # Those that only wait for processes wait for the next pictures of theirs, too.
        threads = settings.workers * (PLACES if self._in_processes else 1)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="copylens-pictures")

    @property
    def steps_per_epoch(self) -> int:
        """Steps of an epoch, the same on every process."""
        return len(self._keys) // (self._batch * self._world)

    @property
    def keys(self) -> Ints:
        """``(K,) int64``, sorted: numbers of the pictures that take part."""
        return self._keys

    @property
    def groups(self) -> Ints | None:
        """``(K,) int64``: group of each of `keys`, where pictures of one group are positives; None without groups."""
        return None if self._groups is None else self._groups[self._keys]

    @property
    def broken(self) -> dict[int, Skipped]:
        """Pictures that could not be decoded so far, by number, with the reason."""
        return dict(self._canvases.broken)

    def epoch(self, epoch: int, start_step: int = 0) -> Iterator[PictureBatch]:
        """Go through an epoch, from a step on; the batches are those of the whole epoch, bit for bit.

        At the end of an epoch the threads go on with the next, so that nobody waits there, if its order is known.

        Raises:
            UsageError: fewer pictures than one batch needs can be decoded.
            ValueError: `compose_by` was called, and the order of this epoch is not known.
        """
        whole = False
        try:
            for step in range(start_step, self.steps_per_epoch):
                self._begin_from(epoch, step)
                yield self._finish(self._ahead.popleft())
            whole = True
        finally:
            # Also on Ctrl-C or when the consumer stops early: what has not begun never begins.
            if not whole:
                self._drop()

    def compose_by(self, orders: Orders) -> None:
        """Take the order of every epoch from `orders` from now on, not from the seed.

        Where it gives None the threads wait with that epoch until somebody asks for it.
        """
        self._drop()
        self._orders.clear()
        self._composed = orders

    def canvases(self, positions: Iterable[int]) -> Iterator[Drawn | None]:
        """Decode pictures in threads, by position in `keys`, in the order given; None for a broken one."""
        waiting: deque[Future[list[Drawn | None]]] = deque()
        left = iter(positions)
        try:
            while some := list(islice(left, TASK)):
                waiting.append(self._pool.submit(self._canvases.draw, self._keys[some].tolist()))
                if len(waiting) * TASK > 2 * self._batch:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def close(self) -> None:
        """End the threads and processes; what they were decoding is finished first."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._canvases.close()

    def __enter__(self) -> PictureLoader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _in_processes(self) -> bool:
        chosen = self._settings.decode_in
        return chosen == "processes" or (chosen == "auto" and self._device.type == "cuda")

    def _make_canvases(self, source: PictureSource) -> Canvases:
        settings = self._settings
        decoding: Decoding
        if self._in_processes:
            decoding = InProcesses(source, settings.canvas, settings.workers)
        else:
            decoding = InThisThread(source, settings.canvas)
        if settings.cache == "none":
            return Canvases(decoding)
        sharing = int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if self._world > 1 else 1
        return KeptCanvases(decoding, settings.canvas, self._keys, sharing)

    def _begin_from(self, epoch: int, step: int) -> None:
        """Have threads at work on the batch of a step and on those that follow."""
        if self._ahead and (self._ahead[0].epoch, self._ahead[0].step) != (epoch, step):
            self._drop()
        while len(self._ahead) <= self._settings.prefetch:
            if self._ahead:
                last = self._ahead[-1]
                after = last.step + 1
                epoch, step = (last.epoch, after) if after < self.steps_per_epoch else (last.epoch + 1, 0)
                if self._order(epoch) is None:
                    return
            self._ahead.append(self._begin(epoch, step))

    def _drop(self) -> None:
        for begun in self._ahead:
            for task in begun.tasks:
                task.cancel()
        self._ahead.clear()

    def _order(self, epoch: int) -> Order | None:
        if epoch not in self._orders:
            composed = self._composed
            places = shuffled(self._keys, self._seed, epoch) if composed is None else composed(epoch)
            if places is None:
                return None
            # The one before may still be in use at the end of its epoch.
            self._orders = {known: order for known, order in self._orders.items() if known == epoch - 1}
            self._orders[epoch] = Order(places, self._batch, self._rank, self._world)
        return self._orders[epoch]

    def _begin(self, epoch: int, step: int) -> _Begun:
        order = self._order(epoch)
        if order is None:
            raise ValueError(f"The order of epoch {epoch} is not known.")
        side, positions = self._settings.canvas, order.step(step)
        pixels = torch.empty(
            (self._batch, CHANNELS, side, side), dtype=torch.uint8, pin_memory=self._device.type == "cuda"
        )
        aspects, keys = np.empty(self._batch, np.float32), np.empty(self._batch, np.int64)
        begun = _Begun(epoch, step, pixels, aspects, keys, [])
        canvas = pixels.numpy()
        for start in range(0, self._batch, TASK):
            rows = range(start, min(start + TASK, self._batch))
            begun.tasks.append(self._pool.submit(self._fill, begun, canvas, rows, order, positions))
        return begun

    def _fill(self, begun: _Begun, canvas: Canvas, rows: range, order: Order, positions: range) -> None:
        places = [order.places[positions[row]] for row in rows]
        keys = self._keys[places].tolist()
        for row, key, drawn in zip(rows, keys, self._canvases.draw(keys), strict=True):
            begun.keys[row], kept = (key, drawn) if drawn else self._substitute(order, positions[row])
            canvas[row], begun.aspects[row] = kept.pixels, kept.aspect

    def _substitute(self, order: Order, position: int) -> tuple[int, Drawn]:
        """Draw the first picture that is not broken of those that stand in for the one at a position."""
        for substitute in order.substitutes(position):
            key = int(self._keys[order.places[substitute]])
            [drawn] = self._canvases.draw([key])
            if drawn is not None:
                return key, drawn
        raise self._too_many_broken()

    def _too_many_broken(self) -> UsageError:
        broken, count = self.broken, len(self._keys)
        first = broken[min(broken)]
        return UsageError(
            f"At most {count - len(broken):,} of {count:,} pictures can be decoded, too few for one batch of "
            f"{self._batch * self._world:,}; the first that cannot is {first.path}: {first.reason}."
        )

    def _finish(self, begun: _Begun) -> PictureBatch:
        for task in begun.tasks:
            task.result()
        if len(self._keys) - len(self._canvases.broken) < self._batch * self._world:
            raise self._too_many_broken()
        pixels = begun.pixels.to(self._device, non_blocking=True)
        return PictureBatch(
            pixels=pixels,
            aspects=torch.from_numpy(begun.aspects),
            keys=torch.from_numpy(begun.keys),
            groups=None if self._groups is None else torch.from_numpy(self._groups[begun.keys]),
        )
