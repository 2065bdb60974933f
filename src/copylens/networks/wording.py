"""Names and exceptions in, the short forms that a one-sentence message has room for out."""

from __future__ import annotations

from collections.abc import Sequence

LISTED = 5
"""Names shown when a file does not fit."""


def some_names(names: Sequence[str], *, empty: str) -> str:
    """List the first names and how many more there are; `empty` where there are none."""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more or empty


def first_line(error: BaseException) -> str:
    """Take the first line that an exception says, or its type where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
