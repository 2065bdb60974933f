"""Errors in, one sentence on stderr and the right exit status out."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import typer

from copylens.errors import CopyLensError, UsageError

DONE, FAILED, USAGE, INTERRUPTED, CLOSED_PIPE = 0, 1, 2, 130, 141

WRONG_WORDS = cast("type[Exception]", typer.BadParameter.__base__)
"""What Typer raises for every wrong option or argument; it exports only this subclass."""


def run(app: typer.Typer) -> int:
    """Run the command line of this process, and return its exit status."""
    _make_streams_safe()
    try:
        return app(standalone_mode=False) or DONE
    except WRONG_WORDS as error:
        context = getattr(error, "ctx", None)
        where = context.command_path if context else "copylens"
        said = " ".join(cast("typer.BadParameter", error).format_message().split())
        complain(f"{said.rstrip('.')}. See: {where} --help")
        return USAGE
    except CopyLensError as error:
        complain(str(error))
        return USAGE if isinstance(error, UsageError) else FAILED
    except OSError as error:
        return _status_of(error, FAILED)
    except SystemExit as stop:
        # So Typer ends when the reader of a help page has gone.
        if isinstance(stop.__context__, BrokenPipeError):
            return CLOSED_PIPE
        raise


@contextmanager
def guarded(*, failed: int = FAILED, interrupted: str = "Interrupted.") -> Iterator[None]:
    """Turn what a command raises into one sentence and an exit status.

    Args:
        failed: the status of an error that is not the caller's (``compare`` uses 2, since its 1 is an answer).
        interrupted: what to say on Ctrl-C.
    """
    try:
        yield
    except CopyLensError as error:
        complain(str(error))
        raise typer.Exit(USAGE if isinstance(error, UsageError) else failed) from error
    except KeyboardInterrupt as error:
        # Who presses Ctrl-C again does not want to wait for a thread that is reading from a dead drive.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if sys.stderr.isatty():
            # Below the ^C that the terminal shows.
            typer.echo(err=True)
        complain(interrupted)
        raise typer.Exit(INTERRUPTED) from error
    except OSError as error:
        raise typer.Exit(_status_of(error, failed)) from error


def complain(sentence: str) -> None:
    """Say what is wrong on stderr."""
    typer.echo(f"copylens: {printable(sentence)}", err=True)


def printable(text: str) -> str:
    """Make a text with names of files fit for a terminal: undecodable bytes and control characters are escaped."""
    from copylens.reports.wording import printable as escaped

    return escaped(text)


def _status_of(error: OSError, failed: int) -> int:
    """Explain what the system refused; of what rooms know about they have made errors of their own."""
    # Python flushes stdout once more at exit; give it somewhere to go.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return CLOSED_PIPE
    what = os.fsdecode(error.filename) if error.filename is not None else "The output cannot be written"
    complain(f"{what}: {error.strerror or error}.")
    return failed


def _make_streams_safe() -> None:
    """Let nothing that is printed raise, whatever the caller made of stdout and stderr."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # Closed by the caller. An open file in its place also keeps its number from the catalog.
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
