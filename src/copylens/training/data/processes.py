"""Numbers of pictures in, canvases or what is wrong with them out, drawn by processes of their own.

Threads share Python's lock with the thread that tells a GPU what to do. That one takes the lock anew for each of some
thousand operations a step, and waits for a decoding thread each time. Processes leave it alone: numbers go there, and
the pixels come back through memory that all share.

The processes import this module and what it needs, so it must not need PyTorch. Shapes: S is the side of the canvas.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from ctypes import Array, c_uint8
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TypeAlias

import numpy as np

from copylens.errors import TrainingError
from copylens.records import Skipped
from copylens.training.data.canvas import CHANNELS, Canvas, Drawn
from copylens.training.data.decoding import TASK, Answer, draw_number
from copylens.training.data.sources import PictureSource

PLACES = 2
"""Places for each process: one is drawn into while the other is read or waits."""

Told: TypeAlias = "float | Skipped"
"""What a process says of a picture, whose pixels are in the shared memory: its aspect, or why there are none."""


class InProcesses:
    """Processes draw, and end with this one however it ends; the thread that asks waits without Python's lock.

    Args:
        source: of the pictures; every process gets a copy.
        side: S.
        workers: how many processes.
    """

    def __init__(self, source: PictureSource, side: int, workers: int) -> None:
        # Not fork: a process with threads and a CUDA context must not be copied.
        kind = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        context = multiprocessing.get_context(kind)
        places = PLACES * workers
        memory = context.RawArray(c_uint8, places * TASK * CHANNELS * side * side)
        self._canvases = _canvases(memory, side)
        self._free: SimpleQueue[int] = SimpleQueue()
        for place in range(places):
            self._free.put(place)
        self._pool = ProcessPoolExecutor(
            workers, mp_context=context, initializer=_begin, initargs=(source, side, memory)
        )

    def draw(self, numbers: Sequence[int]) -> list[Answer]:
        """As `Decoding.draw`.

        Raises:
            TrainingError: one of the processes is gone.
        """
        return [
            answer
            for start in range(0, len(numbers), TASK)
            for answer in self._draw_task(numbers[start : start + TASK])
        ]

    def close(self) -> None:
        """End the processes; what they are drawing is finished first."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _draw_task(self, numbers: Sequence[int]) -> list[Answer]:
        place = self._free.get()
        try:
            told = self._pool.submit(_draw_into, place, numbers).result()
            pixels = self._canvases[place, : len(numbers)].copy()
        except BrokenProcessPool as error:
            raise TrainingError(
                "A process that decodes pictures was killed, as happens when memory runs out; take fewer "
                "data.workers, or data.decode_in threads, and run the same command again to go on."
            ) from error
        finally:
            self._free.put(place)
        return [
            one if isinstance(one, Skipped) else Drawn(canvas, one)
            for one, canvas in zip(told, pixels, strict=True)
        ]


def _canvases(memory: Array[c_uint8], side: int) -> Canvas:
    """``(places, TASK, 3, S, S) uint8``, the shared memory."""
    return np.ctypeslib.as_array(memory).reshape(-1, TASK, CHANNELS, side, side)


@dataclass(frozen=True, slots=True)
class _Begun:
    """What one of the processes knows."""

    source: PictureSource
    canvases: Canvas


_begun: _Begun | None = None


def _begin(source: PictureSource, side: int, memory: Array[c_uint8]) -> None:
    """Leave Ctrl-C to the process that trains, and end when it is gone, killed or not."""
    global _begun
    _begun = _Begun(source, _canvases(memory, side))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _draw_into(place: int, numbers: Sequence[int]) -> list[Told]:
    assert _begun is not None
    canvases = _begun.canvases[place]
    return [_told(_begun.source, number, canvas) for number, canvas in zip(numbers, canvases, strict=False)]


def _told(source: PictureSource, number: int, canvas: Canvas) -> Told:
    answer = draw_number(source, number, canvas.shape[-1])
    if isinstance(answer, Skipped):
        return answer
    canvas[:] = answer.pixels
    return answer.aspect
