"""The public face of `Findings`: tables, dictionaries and files from one scan."""

from __future__ import annotations

import html
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from copylens.errors import ImageError, MissingExtraError
from copylens.images import thumbnail
from copylens.records import Findings
from copylens.reports import Summary, human_bytes, summarise, table_rows, to_document, write
from copylens.workflows.settings import PathLike, Progress, silent

if TYPE_CHECKING:
    import pandas as pd

THUMBNAIL_SIDE = 160


class ScanResult(Findings):
    """What a scan found, with the ways to look at it.

    | you want | you write |
    |---|---|
    | the groups of copies | ``result.groups`` |
    | every pair with its score | ``result.matches`` |
    | the files that could not be read | ``result.skipped`` |
    | the numbers | ``result.summary()`` |
    | a table | ``result.to_pandas()`` |
    | JSON-able values | ``result.to_dict()`` |
    | what imagededup would return | ``result.to_imagededup()`` |
    | a file | ``result.save("report.html")``, .json, .jsonl, .csv or .parquet |
    """

    def summary(self) -> Summary:
        """Counts, reclaimable bytes, seconds."""
        return summarise(self)

    def to_dict(self) -> dict[str, Any]:
        """The document that ``copylens scan --json`` prints; see docs/formats.md."""
        return to_document(self)

    def to_pandas(self) -> pd.DataFrame:
        """One row per image in a group, keepers included; the columns of the CSV file.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise MissingExtraError("A pandas table", "pandas") from error
        return pd.DataFrame(table_rows(self))

    def to_imagededup(self) -> dict[str, list[str]]:
        """Every image with its matches, best first: the shape of imagededup's ``find_duplicates``.

        Keys and values are whole paths, not file names. An image without a match has an empty list. With ``against``
        only the new images are keys.
        """
        found: dict[str, list[tuple[float, str]]] = defaultdict(list)
        for match in self.matches:
            found[match.query].append((-match.score, match.reference))
            if not self.against:
                found[match.reference].append((-match.score, match.query))
        known = {match.reference for match in self.matches} - found.keys()
        keys = sorted((self.images.keys() - known) | found.keys()) if self.against else sorted(self.images)
        return {path: [other for _, other in sorted(found.get(path, []))] for path in keys}

    def save(self, path: PathLike, *, progress: Progress = silent) -> None:
        """Write the result; the suffix chooses the format (.json .jsonl .csv .parquet .html).

        Raises:
            OutputError: an unknown suffix, or the file cannot be written; nothing half-written stays.
            MissingExtraError: the format needs an extra.
        """
        write(
            self, path, thumbnail=_thumbnail, progress=lambda done, total: progress("thumbnails", done, total)
        )

    def _repr_html_(self) -> str:
        facts = self.summary()
        rows = [
            ("images", facts.images),
            ("groups", facts.groups),
            ("copies", facts.copies),
            ("reclaimable", human_bytes(facts.reclaimable_bytes)),
            ("skipped", facts.skipped),
            ("model", self.model.name),
        ]
        cells = "".join(f"<tr><th>{key}</th><td>{html.escape(str(value))}</td></tr>" for key, value in rows)
        return f"<table>{cells}</table>"


def _thumbnail(path: str) -> bytes | None:
    try:
        return thumbnail(path, side=THUMBNAIL_SIDE)
    except ImageError:
        return None
