"""A folder and a plan in; a folder that is safe to write in, its exam.json and truth.csv out."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import PIL

from copylens.config import to_mapping
from copylens.errors import OutputError, UsageError
from copylens.evaluation.making_photographs import Photographs
from copylens.evaluation.making_plan import ExamPlan
from copylens.evaluation.making_settings import ExamSettings
from copylens.reports.atomic import whole_file
from copylens.version import __version__

RECORD, TRUTH = "exam.json", "truth.csv"
QUERIES, REFERENCES, BACKGROUND = "queries", "references", "background"
COLUMNS = ("query", "reference", "kind", "ops", "strength")
SEPARATOR = "+"
VERSION = 1

_PARTIAL = ".copylens-"
"""How files begin that were being written when a run was killed."""

_WORDS = {
    "version": "format",
    "copylens": "CopyLens",
    "pillow": "Pillow",
    "numpy": "NumPy",
    "settings": "settings",
    "photographs": "photographs",
}


@dataclass(frozen=True)
class ExamFolder:
    """An exam's folder, ready to be filled.

    Attributes:
        path: the folder.
        begun: whether an earlier run with the same settings and photographs was here.
        record: what exam.json says.
    """

    path: Path
    begun: bool
    record: dict[str, Any]

    def write_record(self, *, finished: bool) -> None:
        """Say in exam.json how the exam is made, and whether it is whole."""
        text = json.dumps({**self.record, "finished": finished}, indent=2)
        _write(self.path / RECORD, text + "\n")

    def write_truth(self, plan: ExamPlan) -> None:
        """Write truth.csv, one row per query in the order of their names."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(
            (query.name, query.reference, query.kind, SEPARATOR.join(query.edits), query.strength)
            for query in plan.queries
        )
        _write(self.path / TRUTH, out.getvalue())


def _write(path: Path, text: str) -> None:
    with whole_file(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8", newline="\n")


def open_folder(output: Path, settings: ExamSettings, photographs: Photographs, plan: ExamPlan) -> ExamFolder:
    """Make the folder, or take the one that an earlier run of the same exam began.

    Raises:
        UsageError: it holds something else, or an exam with other settings or photographs.
        OutputError: it cannot be written.
    """
    record = _record(settings, photographs, plan)
    begun = check_folder(output)
    if begun:
        _check_same(output, _read_record(output), record)
    folder = ExamFolder(output, begun, record)
    names = (QUERIES, REFERENCES, *([BACKGROUND] if plan.background else []))
    try:
        output.mkdir(parents=True, exist_ok=True)
        # First of all, so that a run that is killed from here on can be taken up again.
        folder.write_record(finished=False)
        for name in names:
            (output / name).mkdir(exist_ok=True)
        for place in (output, *(output / name for name in names)):
            for unfinished in place.glob(f"{_PARTIAL}*"):
                unfinished.unlink()
    except OSError as error:
        raise OutputError(f"{output} cannot be written: {error.strerror or error}.") from error
    return folder


def check_folder(output: Path) -> bool:
    """Whether an exam lies there already; refuse a place that holds anything else.

    Raises:
        UsageError: a file, or a folder with something in it that is no exam.
    """
    try:
        if not output.exists():
            return False
        if not output.is_dir():
            raise UsageError(f"{output} is a file; name a folder for the exam.")
        if (output / RECORD).is_file():
            return True
        if any(not item.name.startswith(_PARTIAL) for item in output.iterdir()):
            raise UsageError(
                f"{output} holds files and is no exam of `copylens benchmark make`; name an empty or new folder."
            )
    except OSError as error:
        raise UsageError(f"{output} cannot be read: {error.strerror or error}.") from error
    return False


def _record(settings: ExamSettings, photographs: Photographs, plan: ExamPlan) -> dict[str, Any]:
    return {
        "version": VERSION,
        "copylens": __version__,
        "pillow": PIL.__version__,
        "numpy": numpy.__version__,
        "settings": to_mapping(settings),
        "photographs": {"usable": len(photographs.usable), "digest": photographs.digest},
        "counts": plan.counts.to_dict(),
    }


def _read_record(output: Path) -> dict[str, Any]:
    path = output / RECORD
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read; name an empty or new folder for the exam.") from error
    if not isinstance(record, dict):
        raise UsageError(f"{path} is no record of an exam; name an empty or new folder.")
    return record


def _check_same(output: Path, old: dict[str, Any], new: dict[str, Any]) -> None:
    """Refuse to go on with what was begun differently: the pictures would be of two exams."""
    for key, word in _WORDS.items():
        if old.get(key) == new[key]:
            continue
        what = word
        if key == "settings" and isinstance(old.get(key), dict):
            changed = [name for name, value in new[key].items() if old[key].get(name) != value]
            what = f"--{changed[0].replace('_', '-')}" if changed else word
        elif key != "photographs":
            what = f"{word} {old.get(key)} instead of {new[key]}"
        raise UsageError(
            f"{output} holds an exam that was begun with other {what}; name an empty or new folder."
            if key in ("settings", "photographs")
            else f"{output} holds an exam that was begun with {what}; name an empty or new folder."
        )
