"""A Markdown page and lines in, the page with the lines between its two marks out.

The marks are comments: ``<!-- benchmarks.NAME -->`` and ``<!-- end of benchmarks.NAME -->``, each on a line of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def marks(name: str) -> tuple[str, str]:
    """The first and the last line of what a benchmark writes."""
    return f"<!-- benchmarks.{name} -->", f"<!-- end of benchmarks.{name} -->"


def is_marked(page: Path, name: str) -> bool:
    """Whether the page is there and has both marks, in order."""
    begin, end = marks(name)
    return page.is_file() and end in page.read_text(encoding="utf-8").partition(begin)[2]


def replace_between(page: Path, name: str, lines: Sequence[str]) -> None:
    """Put lines between the marks; the rest of the page stays.

    Raises:
        ValueError: there are no such marks.
    """
    begin, end = marks(name)
    if not is_marked(page, name):
        raise ValueError(f"{page} has to be a file with the lines {begin} and {end}.")
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    after = rest.partition(end)[2]
    page.write_text("\n".join([before + begin, *lines, end]) + after, encoding="utf-8")
