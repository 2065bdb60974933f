"""An HTML file in; its tags, its text and the data that it embeds out; and names that try to be more than text."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!--<script>",
    "\" onmouseover='alert(1)'",
    "&lt;b&gt;{{ 7 * 7 }}",
    "\u2028\u202e gpj.jpg",
    "\udcff\udcfe.jpg",
    "<!--data-->",
)
"""Names that a page must show as text and nothing else."""


class PageText(HTMLParser):
    """Tags with their attributes, all text, and the text of each script and style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[str] = []
        self.text = ""
        self.is_open = False
        self.feed(text)
        self.close()

    @classmethod
    def of(cls, path: Path) -> PageText:
        return cls(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.is_open = tag in {"script", "style"}
        if self.is_open:
            self.inside.append("")

    def handle_endtag(self, tag: str) -> None:
        self.is_open = False

    def handle_data(self, data: str) -> None:
        if self.is_open:
            self.inside[-1] += data
        else:
            self.text += data

    def data(self, name: str) -> Any:
        """What is embedded as ``data-NAME``."""
        blocks = [attrs for tag, attrs in self.tags if tag in {"script", "style"}]
        (place,) = [place for place, attrs in enumerate(blocks) if attrs.get("id") == f"data-{name}"]
        return json.loads(self.inside[place])

    def ids(self) -> set[str | None]:
        """All ids."""
        return {attrs["id"] for _, attrs in self.tags if "id" in attrs}
