"""Words of a command line in, a ``copylens`` process out, and what it said and returned; nothing of the user's is used.

The same for every test of the command: where it keeps its catalogs and models, and how its one sentence looks.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PATIENCE = 120
"""Seconds after which a process hangs."""

_SCRIPT = Path(sys.executable).with_name("copylens")
COMMAND = [str(_SCRIPT)] if _SCRIPT.is_file() else [sys.executable, "-m", "copylens"]

_FOREIGN = (
    "COPYLENS_",
    "NO_COLOR",
    "FORCE_COLOR",
    "TTY_",
    "COLUMNS",
    "LINES",
    "PYTHONUNBUFFERED",
    "PYTHONWARNINGS",
)
"""Beginnings of variables that would change what is tested."""

_OF_THE_RUN = {"described", "reused", "seconds", "images_per_second"}
"""Numbers of a summary that are not about the files."""


@dataclass(frozen=True)
class Ran:
    """A process that has ended."""

    status: int
    out: str
    err: str

    def document(self) -> Any:
        """What it printed: exactly one JSON object, in ASCII, and nothing else anywhere."""
        assert (self.status, self.err) == (0, "")
        assert self.out.isascii()
        value, end = json.JSONDecoder().raw_decode(self.out)
        assert isinstance(value, dict)
        assert self.out[end:] == "\n"
        return value

    def sentence(self) -> str:
        """The one line on stderr, less the command's name; nothing else was said."""
        assert self.out == ""
        assert self.err.startswith("copylens: ")
        assert self.err.endswith("\n")
        assert self.err.count("\n") == 1
        return self.err.removeprefix("copylens: ").rstrip("\n")


@dataclass
class CopyLens:
    """The command as a user has it who keeps everything below `home`.

    Attributes:
        home: holds its catalogs and model packages.
        model: what ``COPYLENS_MODEL`` says; None for the bundled default.
        folder: where it is called.
    """

    home: Path
    model: Path | None = None
    folder: Path | None = None
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder = self.folder or self.home

    @property
    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(_FOREIGN)}
        own = {
            "COPYLENS_CACHE_DIR": str(self.home / "cache"),
            "COPYLENS_MODELS_DIR": str(self.home / "models"),
            "PYTHONFAULTHANDLER": "1",
        }
        if self.model is not None:
            own["COPYLENS_MODEL"] = str(self.model)
        return {**kept, **own, **self.variables}

    def start(
        self, *words: str | os.PathLike[str], through: Sequence[str] = (), **options: Any
    ) -> subprocess.Popen[bytes]:
        """Start the command; its streams are pipes unless `options` for ``Popen`` say otherwise.

        `through` is a command that ends in becoming this one, since ``preexec_fn`` is not safe beside threads.
        """
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        settings = {"cwd": self.folder, "env": self.environment, **pipes, **options}
        return subprocess.Popen([*through, *COMMAND, *words], **settings)

    def run(self, *words: str | os.PathLike[str], **options: Any) -> Ran:
        """Run the command to its end."""
        return ended(self.start(*words, **options))

    def scan(self, *words: str | os.PathLike[str], **options: Any) -> Any:
        """Run ``scan --json`` and return the object that it printed."""
        return self.run("scan", *words, "--json", **options).document()

    def with_variables(self, variables: Mapping[str, str]) -> CopyLens:
        """The same, with these environment variables too."""
        return CopyLens(self.home, self.model, self.folder, {**self.variables, **variables})


def ended(process: subprocess.Popen[bytes]) -> Ran:
    """Wait for the end of a process and return what it said; one that hangs says where."""
    try:
        out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        out, err = process.communicate()
        raise AssertionError(f"it hung:\n{(err or b'').decode()}") from None
    return Ran(process.returncode, (out or b"").decode(), (err or b"").decode())


def described_in(catalog: Path) -> int:
    """How many contents a catalog holds, also while a process writes to it; 0 for one that is not made yet."""
    if not catalog.exists():
        return 0
    with closing(sqlite3.connect(f"file:{catalog}?mode=ro", uri=True, timeout=PATIENCE)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'contents'").fetchone():
            return 0
        return int(connection.execute("SELECT count(*) FROM contents").fetchone()[0])


def wait_until_described(process: subprocess.Popen[bytes], catalog: Path, count: int) -> bool:
    """Wait until a catalog holds `count` contents; False when the process ended before."""
    deadline = time.monotonic() + PATIENCE
    while described_in(catalog) < count:
        if process.poll() is not None:
            return False
        assert time.monotonic() < deadline, "the process hangs"
        time.sleep(0.002)
    return True


def differences(one: Any, other: Any, where: str = "") -> list[str]:
    """Where the findings of two scans over the same files differ; scores may by rounding, times by anything."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        keys = one.keys() - _OF_THE_RUN if where == "/summary" else one.keys()
        return [line for key in sorted(keys) for line in differences(one[key], other[key], f"{where}/{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [line for number, (a, b) in pairs for line in differences(a, b, f"{where}/{number}")]
    if isinstance(one, float) and isinstance(other, float):
        return [] if abs(one - other) < 1e-5 else [f"{where}: {one} and {other}"]
    return [] if one == other else [f"{where}: {one!r} and {other!r}"]
