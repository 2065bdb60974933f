"""The public face of `Findings`: tables, dictionaries and files from one scan."""

from __future__ import annotations

import html
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from copylens.errors import ImageError, MissingExtraError
from copylens.images import thumbnail
from copylens.records import Findings
from copylens.reports import Summary, human_bytes, summarise, table_rows, to_document, write
from copylens.reports.wording import readable
from copylens.reports.writers import COLUMNS
from copylens.workflows.settings import PathLike, Progress, silent

if TYPE_CHECKING:
    import pandas as pd

THUMBNAIL_SIDE = 160


@dataclass(frozen=True)
class ScanResult(Findings):
    """What a scan found, with the ways to look at it.

    Attributes:
        known: paths of the known images that were compared, with ``against``.

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

    known: frozenset[str] = field(default=frozenset(), repr=False)

    def summary(self) -> Summary:
        """Counts, reclaimable bytes, seconds."""
        return summarise(self)

    def to_dict(self) -> dict[str, Any]:
        """The document that ``copylens scan --json`` prints; see docs/formats.md."""
        return to_document(self)

    def to_pandas(self) -> pd.DataFrame:
        r"""One row per image in a group, keepers included; the columns of the CSV file.

        Undecodable bytes of a path are written ``\xNN``, as in every table.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise MissingExtraError("A pandas table", "pandas") from error
        rows = [{**row, "path": readable(row["path"])} for row in table_rows(self)]
        numbers = {name: kind for name, kind in COLUMNS.items() if kind != "string"}
        # A table without rows has its columns and their types, too.
        return pd.DataFrame(rows, columns=list(COLUMNS)).astype(numbers)

    def to_imagededup(self) -> dict[str, list[str]]:
        """Every image with its matches, best first: the shape of imagededup's ``find_duplicates``.

        Keys and values are whole paths, not file names. An image without a match has an empty list. With ``against``
        only the new images are keys, and the known ones values.
        """
        found: dict[str, list[tuple[float, str]]] = defaultdict(list)
        for match in self.matches:
            found[match.query].append((-match.score, match.reference))
            if not self.against:
                found[match.reference].append((-match.score, match.query))
        keys = sorted(self.images.keys() - self.known)
        return {path: [other for _, other in sorted(found[path])] for path in keys}

    def save(self, path: PathLike, *, progress: Progress = silent) -> None:
        """Write the result; the suffix chooses the format (.json .jsonl .csv .parquet .html).

        Raises:
            UsageError: an unknown suffix, or no such folder.
            OutputError: the file cannot be written; nothing half-written stays.
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
