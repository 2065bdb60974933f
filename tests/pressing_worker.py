"""A process that is interrupted 150 times at moments drawn by chance, and whose threads have to end each time.

COMMAND  python tests/pressing_worker.py
"""

from __future__ import annotations

import random
import signal
import sys
import threading
from types import FrameType

from copylens.threads import Threads

NAME = "copylens-test"
ROUNDS = 150


class PressedError(Exception):
    """Stands for the KeyboardInterrupt."""


def press(_number: int, _frame: FrameType | None) -> None:
    raise PressedError


def main() -> int:
    dice = random.Random(5)
    signal.signal(signal.SIGALRM, press)
    for _ in range(ROUNDS):
        threads: Threads[int, int] = Threads(abs, 2, NAME)
        try:
            signal.setitimer(signal.ITIMER_REAL, dice.uniform(0.0002, 0.003))
            waiting: list[int] = []
            for item in range(10**9):
                waiting.append(threads.submit(item))
                if len(waiting) > 4:
                    threads.result(waiting.pop(0))
                if item % 16 == 0:
                    threads.map(range(3))
        except PressedError:
            pass
        ending = threading.Thread(target=threads.close, daemon=True)
        ending.start()
        ending.join(30)
        if any(thread.name.startswith(NAME) for thread in threading.enumerate()):
            print("a thread did not end", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
