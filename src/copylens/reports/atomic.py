"""A path in, a file that appears whole or not at all out."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from copylens.errors import OutputError, UsageError


def check_writable(path: str | os.PathLike[str], suffixes: tuple[str, ...]) -> str:
    """Refuse, before the work, an output that could not be written after it.

    Returns:
        The suffix, lower case.

    Raises:
        UsageError: an unknown suffix, or no such folder, or a folder of that name.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in suffixes:
        raise UsageError(f"{target}: the suffix says the format, and must be one of {', '.join(suffixes)}.")
    try:
        if target.is_dir():
            raise UsageError(f"{target} is a folder; name a file.")
        if not target.absolute().parent.is_dir():
            raise UsageError(f"{target}: there is no folder {target.parent}; make it first.")
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {_why(error)}.") from error
    return suffix


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a name beside `path` to write to, and move it there when the block ends well.

    Raises:
        OutputError: the file cannot be written; nothing half-written stays, and an older file is untouched.
    """
    target = Path(path)
    # A short name of its own, since the target's may fill the 255 bytes of a name already.
    # The suffix stays last, since writers such as NumPy's append theirs otherwise.
    partial = target.with_name(f".copylens-{secrets.token_hex(8)}{target.suffix}")
    try:
        yield partial
        partial.replace(target)
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {_why(error)}.") from error
    finally:
        # Where even this fails, the error above says why.
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _why(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; free some space and run the same command again"
    if isinstance(error, PermissionError):
        return "no permission; choose another place"
    return error.strerror or str(error)
