"""Files of pictures in, canvases or what is wrong with them out; also what a process runs that draws for another.

Such a process imports this module and what it needs, so it must not need PyTorch.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from copylens.errors import ImageError
from copylens.images.canvas import Drawn, draw


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a picture could not be drawn.

    Attributes:
        code: of `ImageError`.
        reason: in words.
    """

    code: str
    reason: str


Answer: TypeAlias = "Drawn | Fault"

NO_MEMORY = Fault("too-large", "there is not enough memory to decode it")


def draw_files(files: Sequence[bytes], side: int) -> list[Answer]:
    """Draw some pictures, whatever happens to each."""
    return [_drawn(data, side) for data in files]


def _drawn(data: bytes, side: int) -> Answer:
    try:
        return draw(data, side)
    except ImageError as error:
        return Fault(error.code, error.reason)
    except MemoryError:
        return NO_MEMORY


def begin() -> None:
    """Leave Ctrl-C to the process that trains, and end when it is gone, killed or not."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
