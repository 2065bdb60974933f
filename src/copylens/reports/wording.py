"""Values in, words for people out: sizes, counts, and paths that any file or terminal can show."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from copylens.records import MatchedView, View

KIND_WORDS = {"bytes": "same bytes", "pixels": "same pixels", "near": "edited"}


def human_bytes(count: int) -> str:
    """Say a number of bytes for people: ``"1.4 MB"``; powers of 1,000, as disks are sold."""
    if count < 1000:
        return plural(count, "byte")
    value = float(count)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        text = f"{value:.0f}" if value >= 99.95 else f"{value:.1f}"
        # 999,999 bytes round to "1.0 MB", not to "1000 kB".
        if float(text) < 1000:
            return f"{text} {unit}"
    return f"{value / 1000:,.1f} TB"


def plural(count: int, noun: str, many: str | None = None) -> str:
    """Say a count with its noun: ``"1 copy"``, ``"2,000 copies"``."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def kind_words(kind: str, matched: MatchedView | None) -> str:
    """Say how a copy equals its keeper: ``"same bytes"``, ``"edited"``, ``"a part of it"``, ``"holds it"``."""
    if matched is None or kind != "near":
        return KIND_WORDS[kind]
    view = matched.view
    if View(turn=view.turn) == view:
        return "turned"
    return "holds it" if matched.side == "copy" else "a part of it"


def readable(path: str) -> str:
    r"""Make a path real Unicode: undecodable bytes, surrogate escapes in ``path``, become ``\xNN``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def printable(path: str) -> str:
    """Make a path fit for a terminal: control characters become escapes too, so that none can steer it."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in readable(path))


def utc_time(mtime_ns: int) -> str:
    """Say a time as ISO 8601 with whole seconds in UTC; empty beyond the years 1 to 9999."""
    try:
        return datetime.fromtimestamp(mtime_ns // 10**9, UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return ""


def local_day(mtime_ns: int) -> str:
    """Say the day of a time where the report is written, ``"2026-05-17"``; empty as in `utc_time`."""
    try:
        return datetime.fromtimestamp(mtime_ns // 10**9).astimezone().strftime("%Y-%m-%d")
    except (OverflowError, ValueError, OSError):
        return ""
