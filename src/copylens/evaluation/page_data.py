"""An evaluation in, the JSON values that the page's script draws from out; every picture is named once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from copylens.evaluation.documents import to_document
from copylens.evaluation.results import Evaluation
from copylens.reports.html import file_url
from copylens.reports.wording import readable

EXAMPLES: dict[str, tuple[str, ...]] = {
    "misses": ("query", "reference", "found"),
    "false_matches": ("query", "reference", "expected"),
}
"""The lists of a system that show pictures, and their keys that hold one."""


@dataclass
class Gallery:
    """Pictures in the order they are first named."""

    _numbers: dict[tuple[str, str], int] = field(default_factory=dict)

    def number(self, key: str, path: str) -> int:
        """Give the place of a picture in the lists."""
        return self._numbers.setdefault((key, path), len(self._numbers))

    @property
    def paths(self) -> list[str]:
        """Where they lie."""
        return [path for _, path in self._numbers]

    def places(self) -> list[dict[str, str]]:
        """Name and link each of them."""
        return [
            {"key": readable(key), "path": readable(path), "url": file_url(path)}
            for key, path in self._numbers
        ]


def results_data(evaluation: Evaluation, gallery: Gallery) -> dict[str, Any]:
    """Make the object of docs/formats.md, with numbers of the gallery in place of pictures."""
    document = to_document(evaluation)
    for system in document["systems"]:
        for name, keys in EXAMPLES.items():
            for example in system[name]:
                for key in keys:
                    if example[key] is not None:
                        example[key] = gallery.number(**example[key])
    shown: dict[str, Any] = _readable(document)
    return shown


def _readable(value: Any) -> Any:
    """Replace what is no Unicode in all texts."""
    if isinstance(value, str):
        return readable(value)
    if isinstance(value, dict):
        return {key: _readable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_readable(item) for item in value]
    return value
