"""Errors in, one sentence on stderr and the right exit status out."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn, TextIO, cast

import typer

from copylens.errors import CopyLensError, UsageError

DONE, FAILED, USAGE, INTERRUPTED, CLOSED_PIPE = 0, 1, 2, 130, 141

STOPPED = "Interrupted."

WRONG_WORDS = cast("type[Exception]", typer.BadParameter.__base__)
"""What Typer raises for every wrong option or argument; it exports only this subclass."""

EXPLAINED = (CopyLensError, KeyboardInterrupt, OSError, ImportError)
"""What a command may raise that is no mistake in CopyLens; an ImportError only after Ctrl-C."""


def run(app: typer.Typer) -> int:
    """Run the command line of this process, and return its exit status."""
    _make_streams_safe()
    try:
        with _ctrl_c.watched():
            return app(standalone_mode=False) or DONE
    except WRONG_WORDS as error:
        context = getattr(error, "ctx", None)
        where = context.command_path if context else "copylens"
        said = " ".join(cast("typer.BadParameter", error).format_message().split())
        complain(f"{said.rstrip('.')}. See: {where} --help")
        return USAGE
    except EXPLAINED as error:
        return _explain(error, FAILED, STOPPED)
    except SystemExit as stop:
        # So Typer and Rich end when the reader of a help page or a summary has gone.
        if isinstance(stop.__context__, BrokenPipeError):
            return CLOSED_PIPE
        raise


def leave(status: int) -> NoReturn:
    """End this process.

    Who pressed Ctrl-C twice may have left threads at work. Python ends those at its exit wherever they are, and in the
    midst of a library's C++ that aborts the process: then it goes without Python's farewell.
    """
    if _ctrl_c.pressed and threading.active_count() > 1:
        processes = sys.modules.get("multiprocessing")
        for child in processes.active_children() if processes else ():
            child.terminate()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(status)
    sys.exit(status)


@contextmanager
def guarded(*, failed: int = FAILED, interrupted: str = STOPPED) -> Iterator[None]:
    """Turn what a command raises into one sentence and an exit status.

    Args:
        failed: the status of an error that is not the caller's (``compare`` uses 2, since its 1 is an answer).
        interrupted: what to say on Ctrl-C.
    """
    try:
        yield
    except EXPLAINED as error:
        raise typer.Exit(_explain(error, failed, interrupted)) from error


def complain(sentence: str) -> None:
    """Say what is wrong on stderr, in one line; libraries whose words are quoted like to take several."""
    line = " ".join(part.strip() for part in sentence.strip().splitlines())
    typer.echo(f"copylens: {printable(line)}", err=True)


def printable(text: str) -> str:
    """Make a text with names of files fit for a terminal: undecodable bytes and control characters are escaped.

    Not the one of `reports`: Ctrl-C may have stopped the import of what that imports.
    """
    whole = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in whole)


class _CtrlC:
    """Remembers that Ctrl-C was pressed: an extension module that is being imported makes an ImportError of it."""

    def __init__(self) -> None:
        self.pressed = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch while the block runs, unless the caller of the process has Ctrl-C ignored."""
        self.pressed = False
        if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            yield
            return
        signal.signal(signal.SIGINT, self._press)
        try:
            yield
        finally:
            # Who presses Ctrl-C again does not want to wait for a thread that is reading from a dead drive.
            signal.signal(signal.SIGINT, signal.SIG_DFL if self.pressed else signal.default_int_handler)

    def _press(self, number: int, frame: FrameType | None) -> None:
        self.pressed = True
        signal.default_int_handler(number, frame)


_ctrl_c = _CtrlC()


def _explain(error: BaseException, failed: int, interrupted: str) -> int:
    """Say what stopped a command; returns the exit status, or raises what nobody foresaw."""
    if isinstance(error, KeyboardInterrupt) or _ctrl_c.pressed:
        if sys.stderr.isatty():
            # Below the ^C that the terminal shows.
            typer.echo(err=True)
        complain(interrupted)
        return INTERRUPTED
    if isinstance(error, CopyLensError):
        complain(str(error))
        return USAGE if isinstance(error, UsageError) else failed
    if isinstance(error, OSError):
        return _explain_refusal(error, failed)
    raise error


def _explain_refusal(error: OSError, failed: int) -> int:
    """Say what the system refused; where a room knows more, it has made an error of its own of it."""
    # Python flushes stdout once more at exit; give it somewhere to go.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return CLOSED_PIPE
    what = os.fsdecode(error.filename) if error.filename is not None else "The output cannot be written"
    complain(f"{what}: {error.strerror or error}.")
    return failed


def _make_streams_safe() -> None:
    """Let nothing that is printed raise or get lost, whatever the caller made of stdout and stderr."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            # Closed by the caller. An open file in its place also keeps its number from the catalog.
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
            if isinstance(stream.buffer, io.RawIOBase):
                # PYTHONUNBUFFERED: such a stream drops, without a word, what a full disk did not take at once.
                setattr(sys, name, _buffered(stream))


def _buffered(stream: io.TextIOWrapper) -> TextIO:
    return open(stream.fileno(), "w", encoding=stream.encoding, errors="backslashreplace", closefd=False)
