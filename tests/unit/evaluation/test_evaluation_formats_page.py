"""docs/formats.md says what an evaluation writes: its tables are compared with real output."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from benchmark_folders import build_exam
from copylens.evaluation.benchmarks import open_exam
from copylens.evaluation.documents import DOCUMENT_VERSION
from copylens.evaluation.page import write_page
from copylens.evaluation.results import FIGURES
from copylens.evaluation.running import evaluate
from copylens.evaluation.systems import EvaluationSettings, ModelSystem
from copylens.workflows.settings import ModelSettings
from small_models import SmallNetwork

PAGE = Path(__file__).resolve().parents[3] / "docs" / "formats.md"

Types: TypeAlias = tuple[type, ...]

TYPES: dict[str, Types] = {
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "list of strings": (list,),
    "list of numbers": (list,),
    "list of objects": (list,),
    "object": (dict,),
    "null": (type(None),),
}

SYSTEM = "The result of an evaluation"


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two systems on a small exam with a background."""
    root = tmp_path_factory.mktemp("page")
    build_exam(root / "exam")
    models = [SmallNetwork(seed=seed).package(root / f"model{seed}", name=f"small{seed}") for seed in (1, 2)]
    evaluation = evaluate(
        open_exam(root / "exam"),
        [ModelSystem(settings=ModelSettings(model=str(package.directory))) for package in models],
        EvaluationSettings(folder=str(root / "run"), samples=20),
    )
    # As the command does after it.
    write_page(root / "run" / "result.html", evaluation)
    return root / "run"


@pytest.fixture(scope="module")
def document(run_folder: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((run_folder / "result.json").read_text(encoding="ascii"))
    return value


def table(title: str, *, number: int = 0) -> list[list[str]]:
    """Cells of a table under a heading, without its head."""
    section = re.split(rf"^#+ {re.escape(title)}$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1]
    section = re.split(r"^#+ ", section, flags=re.MULTILINE)[0]
    tables: list[list[list[str]]] = [[]]
    for line in section.splitlines():
        if line.startswith("|"):
            tables[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        elif tables[-1]:
            tables.append([])
    return tables[number][2:]


def named(title: str, *, number: int = 0) -> dict[str, str]:
    """First cell, without its backquotes, to second cell."""
    return {row[0].strip("`"): row[1] for row in table(title, number=number)}


def check(values: dict[str, Any], title: str) -> None:
    """The keys are those of the table, and the values have its types."""
    types = named(title)
    assert values.keys() == types.keys()
    for key, value in values.items():
        assert isinstance(value, allowed_by(types[key])), key
        assert not isinstance(value, bool), key
        if isinstance(value, list):
            assert all(
                isinstance(item, TYPES[types[key].removeprefix("list of ").rstrip("s")]) for item in value
            )


def allowed_by(words: str) -> Types:
    """The types of ``"number or null"``."""
    return tuple(kind for word in words.split(" or ") for kind in TYPES[word])


def flat(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Keys with their values, those of the first object of a list below it."""
    for key, inner in value.items():
        yield prefix + key, inner
        if isinstance(inner, list) and inner and isinstance(inner[0], dict):
            for item in inner:
                yield from flat(item, f"{prefix}{key}[].")


def slices_of(system: dict[str, Any]) -> list[dict[str, Any]]:
    parts = [*system["by_strength"], *system["by_kind"], system["several_edits"]]
    parts += [edit[side] for edit in system["by_edit"] for side in ("alone", "within")]
    return [part for part in parts if part is not None]


def test_the_keys_and_types_of_the_result(document: dict[str, Any]) -> None:
    elsewhere = ("systems[].by_strength[].", "systems[].by_kind[].")
    seen = [(key, value) for key, value in flat(document) if not key.startswith(elsewhere)]
    types = named(SYSTEM)
    assert {key for key, _ in seen} == types.keys()
    assert document["version"] == DOCUMENT_VERSION
    for key, value in seen:
        assert isinstance(value, allowed_by(types[key])), key


def test_pictures_are_keys_and_paths(document: dict[str, Any]) -> None:
    places = [
        one[role]
        for system in document["systems"]
        for kind, roles in (
            ("misses", ("query", "reference", "found")),
            ("false_matches", ("query", "expected")),
        )
        for one in system[kind]
        for role in roles
    ]
    assert sum(place is not None for place in places) > 10
    for place in places:
        assert place is None or place.keys() == {"key", "path"}


def test_the_keys_of_origin_and_lists(document: dict[str, Any]) -> None:
    for system in document["systems"]:
        check(system["origin"], "The origin of figures")
        for scored in (system["plain"], system["normalised"]):
            opened = dict(scored)
            for part in ("histogram", "curve"):
                opened.update({f"{part}.{key}": value for key, value in opened.pop(part).items()})
            opened.update(dict(flat({"thresholds": scored["thresholds"]})))
            check(opened, "A scored list")
            for figure in scored["figures"].values():
                assert figure.keys() == {"value", "low", "high"}


def test_the_keys_of_slices(document: dict[str, Any]) -> None:
    parts = [part for system in document["systems"] for part in slices_of(system)]
    assert len(parts) > 10
    for part in parts:
        check(part, "A slice")


def test_the_figures_of_the_page_are_the_figures(document: dict[str, Any]) -> None:
    assert named("Figures") == FIGURES
    written = set(document["systems"][0]["plain"]["figures"])
    assert written < set(FIGURES)
    for differences in (document["comparisons"][0]["plain"], document["comparisons"][0]["normalised"]):
        assert set(differences) == written
        for difference in differences.values():
            assert difference.keys() == {"value", "low", "high", "better"}


def test_the_files_of_the_run_folder_are_those_of_the_page(run_folder: Path) -> None:
    forms = [
        re.compile(
            re.escape(name)
            .replace("FINGERPRINT", "[0-9a-f]{16}")
            .replace("PRECISION", "float32")
            .replace("DIGEST", "[0-9a-f]{16}")
        )
        for name in named("The run folder")
    ]
    files = [str(path.relative_to(run_folder)) for path in run_folder.rglob("*") if path.is_file()]
    for form in forms:
        assert any(form.fullmatch(file) for file in files), form.pattern
    for file in files:
        assert any(form.fullmatch(file) for form in forms), file


def test_the_arrays_of_predictions_are_those_of_the_page(run_folder: Path) -> None:
    arrays = named("The run folder", number=1)
    for path in (run_folder / "predictions").iterdir():
        with np.load(path, allow_pickle=False) as archive:
            assert set(archive) == set(arrays)
            for name, said in arrays.items():
                kind = "str" if archive[name].dtype.kind == "U" else str(archive[name].dtype)
                assert kind in said.replace(",", " ").split(), name
