"""Stages and counts in, a bar with rate and remaining time on stderr out; nothing where nobody watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from copylens.workflows.settings import STAGES, Progress, silent

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import ProgressColumn, Task, TaskID
    from rich.text import Text

IN_BYTES = "download"
"""The stage whose counts are bytes."""


@contextmanager
def watching(*, quiet: bool) -> Iterator[Progress]:
    """A progress callback that draws on stderr, when stderr is a terminal and the user did not ask for quiet."""
    if quiet or not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_dumb_terminal:
        yield silent
        return
    with _bar(console) as bar:
        yield _Line(bar).show


class _Line:
    """The one line of the stage that is under way; a new stage, or the same once more, takes its place."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task: TaskID | None = None
        self._stage = ""
        self._done = 0

    def show(self, stage: str, done: int, total: int | None) -> None:
        if self._task is None or stage != self._stage or done < self._done:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(STAGES[stage], total=total, completed=done, stage=stage)
            self._stage = stage
        self._bar.update(self._task, completed=done, total=total)
        self._done = done


def _bar(console: Console) -> Bar:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        _text_column(_count),
        _text_column(_rate),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        # Stdout is for results, also while the bar is drawn.
        redirect_stdout=False,
    )


def _text_column(words: Callable[[Task], str]) -> ProgressColumn:
    from rich.progress import ProgressColumn
    from rich.text import Text

    class Column(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(words(task), no_wrap=True)

    return Column()


def _count(task: Task) -> str:
    done = _amount(task, task.completed)
    return done if task.total is None else f"{done} of {_amount(task, task.total)}"


def _rate(task: Task) -> str:
    speed = task.finished_speed or task.speed
    return f"{_amount(task, speed)}/s" if speed else ""


def _amount(task: Task, number: float) -> str:
    if task.fields["stage"] == IN_BYTES:
        from copylens.reports import human_bytes

        return human_bytes(int(number))
    return f"{number:,.0f}"
