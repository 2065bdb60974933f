"""A path as the user gave it in, the bytes that the catalog knows it by out."""

# Asked for every file of a scan, where a Path costs several times as much as its text.
# ruff: noqa: PTH109, PTH117, PTH118, PTH206
from __future__ import annotations

import os


def key_of(path: str) -> bytes:
    """Make a path absolute, so that ``photos/a.jpg`` of two working folders are two files.

    ``..`` is left as it stands: behind a symbolic link it leads elsewhere than its text says.

    Returns:
        The system's bytes, for names that are no text.
    """
    if not os.path.isabs(path):
        path = os.path.join(os.getcwd(), path)
    if os.pardir not in path.split(os.sep):
        path = os.path.normpath(path)
    return os.fsencode(path)


def span_below(root: str) -> tuple[bytes, bytes, bytes]:
    """Bounds of the keys that are `root` or lie below it.

    Returns:
        ``(base, first, after)``: a key belongs when it equals `base`, or is ``>= first`` and ``< after`` in
        byte order; so ``/a/bc`` does not lie below ``/a/b``, and no character of a name is a wildcard.
    """
    separator = os.fsencode(os.sep)
    base = key_of(root).rstrip(separator)
    return base, base + separator, base + bytes([separator[0] + 1])
