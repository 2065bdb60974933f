"""A known model in, its published file on this disk out; only this file of CopyLens uses the network."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from copylens.errors import ModelError, OutputError
from copylens.models.known import KnownModel
from copylens.models.package import sha256_of_file

Progress: TypeAlias = Callable[[int, int | None], None]
"""``progress(bytes_done, bytes_in_all)``; the second is None where the server does not say."""

Opener: TypeAlias = Callable[..., Any]
"""``opener(url, timeout=seconds)`` to a response with ``read(size)`` and ``headers``."""

_BLOCK = 1 << 20
_TIMEOUT = 30.0


def download(
    known: KnownModel,
    directory: str | os.PathLike[str],
    *,
    progress: Progress | None = None,
    opener: Opener | None = None,
) -> Path:
    """Fetch a published model file, or find it already fetched.

    The bytes go to a ``.part`` file that takes the file's name when it is whole; an interrupted download
    starts anew. Where the makers publish no digest, the first download is trusted and its SHA-256 is written
    beside the file as ``NAME.sha256``; later downloads must equal it.

    Args:
        known: what to fetch.
        directory: where to; made if it is not there.
        progress: called after every block.
        opener: opens the address; None takes `urllib.request.urlopen`.

    Returns:
        The file.

    Raises:
        ModelError: the address cannot be reached, the download broke off, or the digest is another.
        OutputError: the folder cannot be written.
    """
    target = Path(directory) / known.file_name
    note = target.with_name(f"{target.name}.sha256")
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        expected = known.sha256 or _noted(note)
        if expected and target.is_file() and sha256_of_file(target) == expected:
            return target
        digest = _fetch(known, part, progress, opener)
        if expected and digest != expected:
            raise ModelError(
                f"The file from {known.url} has SHA-256 {digest}, expected {expected}; it was not kept. "
                f"If its makers changed it, delete {note} and try again."
            )
        note.write_text(f"{digest}  {target.name}\n", encoding="utf-8")
        part.replace(target)
    except OSError as error:
        raise OutputError(f"The download cannot be written to {target}: {error}.") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
    return target


def _noted(note: Path) -> str | None:
    """Read a digest as ``sha256sum`` writes it."""
    return note.read_text(encoding="utf-8").split()[0] if note.is_file() else None


def _fetch(known: KnownModel, part: Path, progress: Progress | None, opener: Opener | None) -> str:
    """Stream the address into `part`; returns the SHA-256 of what came."""
    # Loaded here: these two would take a fifth of the time that `copylens --help` may take.
    import http.client
    import urllib.request

    by_hand = f"Download {known.url} by hand where the network is open, then run: copylens models import FILE"
    try:
        response = (opener or urllib.request.urlopen)(known.url, timeout=_TIMEOUT)
    except (OSError, http.client.HTTPException) as error:
        raise ModelError(f"{known.url} cannot be reached ({error}). {by_hand}") from error
    digest, done = hashlib.sha256(), 0
    length = response.headers.get("Content-Length")
    total = int(length) if length else None
    with response, part.open("wb") as file:
        while block := _read(response, known.url, by_hand):
            file.write(block)
            digest.update(block)
            done += len(block)
            if progress:
                progress(done, total)
    if total is not None and done != total:
        raise ModelError(f"The download of {known.url} broke off after {done} of {total} bytes; try again.")
    return digest.hexdigest()


def _read(response: Any, url: str, by_hand: str) -> bytes:
    import http.client

    try:
        block: bytes = response.read(_BLOCK)
    except (OSError, http.client.HTTPException) as error:
        raise ModelError(f"The download of {url} broke off ({error}); try again. {by_hand}") from error
    return block
