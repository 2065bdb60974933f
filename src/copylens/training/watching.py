"""Numbers of a run in; lines of ``log.jsonl`` and TensorBoard's event files out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from copylens.errors import OutputError

FILE = "log.jsonl"


class RunLog:
    """The log of one run; lines after the step that a run goes on from are dropped, since they come again.

    Args:
        folder: of the run.
        step: that the run goes on from.
        tensorboard: write event files beside the log too.
    """

    def __init__(self, folder: Path, *, step: int, tensorboard: bool) -> None:
        self.path = folder / FILE
        kept = [line for line in read_log(folder) if line["step"] <= step] if step else []
        try:
            text = "".join(json.dumps(line) + "\n" for line in kept)
            self.path.write_text(text, encoding="utf-8")
            self._file = self.path.open("a", encoding="utf-8")
        except OSError as error:
            raise OutputError(f"The log {self.path} cannot be written: {error.strerror}.") from error
        self._events = _event_writer(folder, step) if tensorboard else None

    def write(self, kind: str, step: int, values: Mapping[str, Any]) -> None:
        """Add a line.

        Args:
            kind: ``"step"``, ``"validation"``, ``"warning"``, ``"mining"``, ``"end"``.
            step: how many steps are done.
            values: numbers, or words for a warning.
        """
        try:
            self._file.write(json.dumps({"kind": kind, "step": step, **values}) + "\n")
            self._file.flush()
        except OSError as error:
            raise OutputError(f"The log {self.path} cannot be written: {error.strerror}.") from error
        if self._events is not None:
            for name, value in values.items():
                if isinstance(value, (int, float)):
                    self._events.add_scalar(f"{kind}/{name}", value, step)

    def close(self) -> None:
        """Close the files."""
        self._file.close()
        if self._events is not None:
            self._events.close()


def read_log(folder: Path) -> Iterator[dict[str, Any]]:
    """Read the lines of a run's log; a last line that a kill cut short is left out."""
    path = folder / FILE
    if not path.is_file():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            if not line.endswith("\n"):
                return
            yield json.loads(line)


def _event_writer(folder: Path, step: int) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder / "tensorboard"), purge_step=step or None)
