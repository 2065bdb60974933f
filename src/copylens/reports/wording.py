"""Values in, words for people out: sizes, counts, and paths that any file or terminal can show."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from copylens.records import MatchedView, Relation, Turn

KIND_WORDS = {"bytes": "same bytes", "pixels": "same pixels", "near": "edited"}

RELATION_WORDS: dict[Relation, str] = {"holds": "holds it", "part": "a part of it"}
"""How a related picture stands to the keeper."""

TURN_WORDS: dict[Turn, str] = {
    "hflip": "mirrored",
    "vflip": "mirrored upside down",
    "rot90": "turned by 90° to the right",
    "rot180": "turned by 180°",
    "rot270": "turned by 90° to the left",
}

BACK: dict[Turn, Turn] = {"rot90": "rot270", "rot270": "rot90"}
"""How the second picture lies against the first, where it is not as the first lies against the second."""

BECAUSE_WORDS = {
    "resolution": "it has the most pixels",
    "bytes": "its file is the largest",
    "format": "its format comes closest to an original",
    "oldest": "it is the oldest",
    "newest": "it is the newest",
    "name": "its path comes first; the rules see no difference",
    "part": "it has more pixels of what the pictures share",
}


def expected_false_words(expected: float | None) -> str:
    """Say how many pairs are expected to be none; nothing where that is less than one, or unknown."""
    if expected is None or expected < 1:
        return ""
    return f"About {plural(round(expected), 'pair')} of unrelated images may look as alike"


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


def kind_words(kind: str, matched: MatchedView | None = None) -> str:
    """Say how a copy equals its keeper: ``"same bytes"``, ``"edited"``, ``"turned by 180°"``."""
    turn = "none" if matched is None or kind != "near" else matched.view.turn
    if matched is not None and matched.side == "keeper":
        turn = BACK.get(turn, turn)
    return turn_words(turn) or KIND_WORDS[kind]


def turn_words(turn: Turn) -> str:
    """Say how the picture of a view lies there, against the other one; empty where it is upright.

    A view is turned before it is compared; so what is turned to the left to look like the other lies to the right.
    """
    return TURN_WORDS.get(turn, "")


def because_words(because: str) -> str:
    """Say why a keeper is the one to keep, after "kept because"; empty where nothing chose it."""
    if because.startswith("path:"):
        return f"its path matches {readable(because.removeprefix('path:'))}"
    return BECAUSE_WORDS.get(because, "")


def holds_words(turn: Turn, pixels: float) -> str:
    """Say under a picture, in a part of which another was found, what the box on it means.

    Args:
        turn: of the view.
        pixels: of the part, for each of the other picture; a box is too coarse to tell two thirds from one and a half.
    """
    if pixels >= 9.5:
        amount = f"{pixels:,.0f} times its pixels"
    elif pixels > 1.5:
        amount = f"{pixels:.1f} times its pixels"
    else:
        amount = "about as many pixels" if pixels > 1 / 1.5 else f"{max(pixels * 100, 1):.0f} % of its pixels"
    words = ["holds the other picture in this part", turn_words(turn), f"with {amount}"]
    return ", ".join(filter(None, words))


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
