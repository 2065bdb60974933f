"""A chain's text and learned arrays in, one .npz file out; and back."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from copylens.errors import OutputError, UsageError

Arrays: TypeAlias = dict[str, npt.NDArray[Any]]
"""Learned numbers by name, e.g. ``"1.matrix_"``: the place of the part in the chain, then the attribute."""

FORMAT = "copylens chain 1"
"""The layout that this version writes and reads."""

_HEAD = ("format", "text", "fingerprint")


def fingerprint_of(text: str, arrays: Arrays) -> str:
    """16 hex digits of the spelling and of every number."""
    digest = hashlib.sha256(f"{FORMAT}\n{text}\n".encode())
    for name, array in sorted(arrays.items()):
        plain = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        digest.update(f"{name} {plain.dtype.str} {plain.shape}\n".encode())
        digest.update(plain.data)
    return digest.hexdigest()[:16]


def write_chain(path: str | os.PathLike[str], text: str, fingerprint: str, arrays: Arrays) -> None:
    """Write the file beside its place, then move it there.

    Raises:
        OutputError: it cannot be written; nothing half-written stays, and an older file is untouched.
    """
    target = Path(path)
    partial = target.with_name(f".copylens-{secrets.token_hex(8)}.npz")
    head = {name: np.array(value) for name, value in zip(_HEAD, (FORMAT, text, fingerprint), strict=True)}
    try:
        with partial.open("xb") as file:
            np.savez(file, allow_pickle=False, **head, **arrays)
        partial.replace(target)
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror or error}.") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def read_chain(path: str | os.PathLike[str]) -> tuple[str, str, Arrays]:
    """Read text, fingerprint and arrays, without running anything that the file may hold.

    Raises:
        UsageError: the file is missing, damaged, of a newer format, or something else.
    """
    layout, members = _members(path)
    if layout != FORMAT:
        if layout.startswith(FORMAT.rstrip("1")):
            raise UsageError(
                f"{path} was saved by a newer CopyLens ({layout!r}, this one reads {FORMAT!r}); upgrade it."
            )
        raise UsageError(f"{path} holds no post-processing chain; give a file that CopyLens saved as one.")
    _, text, fingerprint = (str(members.pop(name, "")) for name in _HEAD)
    return text, fingerprint, members


def _members(path: str | os.PathLike[str]) -> tuple[str, Arrays]:
    try:
        # Opened here, since NumPy leaves a file open whose archive is damaged.
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as archive:
            layout = str(archive["format"]) if "format" in archive.files else ""
            # Another tool's file may be large: it is not read to the end.
            return layout, {name: archive[name] for name in archive.files} if layout == FORMAT else {}
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}.") from error
    except Exception as error:
        # A damaged archive raises what it likes, from five libraries.
        raise UsageError(
            f"{path} is damaged or holds no post-processing chain; fit and save it again."
        ) from error
