"""Errors in, one sentence on stderr and the right exit status out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from copylens.errors import CopyLensError, UsageError

FAILED, USAGE, INTERRUPTED, CLOSED_PIPE = 1, 2, 130, 141


@contextmanager
def guarded(*, failed: int = FAILED, interrupted: str = "Interrupted.") -> Iterator[None]:
    """Turn what a command raises into one sentence and an exit status.

    Args:
        failed: the status of an error that is not the caller's (``compare`` uses 2, since its 1 is an answer).
        interrupted: what to say on Ctrl-C.
    """
    try:
        yield
        sys.stdout.flush()
    except CopyLensError as error:
        typer.echo(f"copylens: {printable(str(error))}", err=True)
        raise typer.Exit(USAGE if isinstance(error, UsageError) else failed) from error
    except KeyboardInterrupt as error:
        typer.echo(f"\ncopylens: {interrupted}", err=True)
        raise typer.Exit(INTERRUPTED) from error
    except BrokenPipeError as error:
        # Python flushes stdout once more at exit; give it somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(CLOSED_PIPE) from error


def printable(text: str) -> str:
    """Show undecodable bytes of file names as escapes instead of failing to print them."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
