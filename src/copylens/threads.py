"""Items in, what a function makes of them out, in any order asked for: threads that Ctrl-C cannot leave waiting.

`concurrent.futures` waits in Python code that holds locks. A KeyboardInterrupt can come between taking such a lock and
the `with` that gives it back, and then the thread that needs it waits for ever, and with it everybody who joins it.
Here the main thread touches nothing but queues that are written in C, whose operations happen whole or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from threading import Thread, current_thread
from typing import Generic, TypeAlias, TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")

_Done: TypeAlias = "SimpleQueue[tuple[int, Made | None, BaseException | None]]"
"""Where a thread puts an item's number, and what was made of it or the error."""


class Threads(Generic[Item, Made]):
    """A fixed number of threads that work on what is submitted, first come, first served.

    Args:
        work: called in the threads.
        count: of threads.
        name: of each, with its number behind.
    """

    def __init__(self, work: Callable[[Item], Made], count: int, name: str) -> None:
        self._work = work
        self._tasks: SimpleQueue[tuple[int, Item, _Done[Made]] | None] = SimpleQueue()
        self._done: _Done[Made] = SimpleQueue()
        self._waiting: dict[int, tuple[Made | None, BaseException | None]] = {}
        self._submitted = 0
        # Daemons: one that Ctrl-C met while it was being started must not keep the process alive.
        self._threads = [Thread(target=self._run, name=f"{name}_{n}", daemon=True) for n in range(count)]
        for thread in self._threads:
            thread.start()

    def submit(self, item: Item) -> int:
        """Hand an item over; returns the number to ask for its result by. One caller's affair, as `result`."""
        number = self._submitted
        self._submitted += 1
        self._tasks.put((number, item, self._done))
        return number

    def result(self, number: int) -> Made:
        """Wait for what was made of an item, or raise what its work raised; once for each number."""
        while number not in self._waiting:
            found, made, error = self._done.get()
            self._waiting[found] = (made, error)
        made, error = self._waiting.pop(number)
        if error is not None:
            raise error
        return made  # type: ignore[return-value]

    def map(self, items: Iterable[Item]) -> list[Made]:
        """Work on all items and wait; what is made is in their order. Several callers may wait at a time.

        Raises what the work raised of the first item that failed, when all are done.
        """
        done: _Done[Made] = SimpleQueue()
        count = 0
        for item in items:
            self._tasks.put((count, item, done))
            count += 1
        found = sorted((done.get() for _ in range(count)), key=lambda each: each[0])
        for _, _, error in found:
            if error is not None:
                raise error
        return [made for _, made, _ in found]  # type: ignore[misc]

    def close(self) -> None:
        """End the threads: what they are at is finished, what has not begun never begins."""
        try:
            while True:
                self._tasks.get_nowait()
        except Empty:
            pass
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            # Whoever owns the threads may be collected in one of them.
            if thread is not current_thread():
                thread.join()
        self._waiting.clear()

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            number, item, done = task
            try:
                answer = (number, self._work(item), None)
            except BaseException as error:  # noqa: BLE001 (whoever asks for the result raises it)
                done.put((number, None, error))
            else:
                done.put(answer)
                del answer
            # An idle thread keeps nobody's picture.
            del task, item, done
