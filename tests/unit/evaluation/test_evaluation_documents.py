"""JSON there and back, Markdown, and the tables of the console: every number in its place, no name taken for markup."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from copylens.errors import OutputError
from copylens.evaluation.comparing import compare
from copylens.evaluation.console import PREVIEW_ROWS, render
from copylens.evaluation.documents import (
    from_document,
    read_result,
    to_document,
    to_markdown,
    write_markdown,
    write_result,
)
from copylens.evaluation.predicting import Predicted
from copylens.evaluation.results import EditSlice, Evaluation, Origin, Slice
from copylens.evaluation.scoring import Resampling, score
from copylens.evaluation.tables import provenance, tables
from evaluation_cases import Case, random_case

SOME = Resampling(samples=30, level=0.95, seed=0)
NONE = Resampling(samples=0, level=0.95, seed=0)


def origin_of(case: Case, samples: int) -> Origin:
    return Origin(
        benchmark=case.benchmark.name,
        split="all",
        protocol=case.benchmark.protocol,
        benchmark_digest="0123456789abcdef",
        rule="k = 10 per query",
        queries=len(case.benchmark.queries),
        references=len(case.benchmark.references),
        pairs=len(case.truth),
        without_reference=3,
        training=0,
        background=7,
        model="small",
        fingerprint="fedcba9876543210",
        source="",
        precision="float32",
        dims=8,
        post_processing="none",
        samples=samples,
        level=0.95,
        seed=0,
        command="copylens evaluate exam e",
        copylens="0.1.0",
    )


def evaluation_of(
    *, systems: int = 1, normalised: bool = True, samples: bool = True, protocol: str = "micro"
) -> Evaluation:
    """Systems called ``system 0`` and so on, with random predictions."""
    resampling = SOME if samples else NONE
    cases = [random_case(seed, queries=40) for seed in range(systems)]
    first = replace(cases[0], benchmark=replace(cases[0].benchmark, protocol=protocol))  # type: ignore[arg-type]
    rows: list[tuple[str, Predicted, Predicted | None]] = []
    for number, case in enumerate(cases):
        scores = case.predicted.predictions
        own = replace(first.predicted, predictions=scores)
        rows.append((f"system {number}", own, replace(own, post_processing="sn") if normalised else None))
    origin = origin_of(first, resampling.samples)
    results = tuple(
        score(first.benchmark, first.truth, label, origin, plain, other, resampling)
        for label, plain, other in rows
    )
    return Evaluation(results, compare(first.benchmark, first.truth, rows, resampling))


def printed(evaluation: Evaluation, width: int = 200) -> str:
    out = io.StringIO()
    render(evaluation, Console(file=out, width=width, color_system=None))
    return out.getvalue()


@pytest.mark.parametrize("systems", [1, 3])
@pytest.mark.parametrize("samples", [True, False])
def test_json_comes_back_as_it_was(tmp_path: Path, systems: int, samples: bool) -> None:
    evaluation = evaluation_of(systems=systems, samples=samples, normalised=samples)
    text = json.dumps(to_document(evaluation))
    assert from_document(json.loads(text), where="text") == evaluation
    write_result(tmp_path / "result.json", evaluation)
    assert read_result(tmp_path / "result.json") == evaluation
    assert (tmp_path / "result.json").read_bytes().isascii()


def test_a_name_that_is_no_text_comes_back(tmp_path: Path) -> None:
    evaluation = evaluation_of()
    system = evaluation.systems[0]
    miss = replace(system.misses[0], query=replace(system.misses[0].query, path="a/caf\udce9.jpg"))
    strange = replace(evaluation, systems=(replace(system, misses=(miss,)),))
    write_result(tmp_path / "result.json", strange)
    assert read_result(tmp_path / "result.json") == strange
    assert r"caf\\xe9.jpg" in to_markdown(strange)


def test_a_result_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_result(tmp_path / "nowhere" / "result.json", evaluation_of())


def markdown_tables(text: str) -> dict[str, list[list[str]]]:
    """Cells by heading, heads included."""
    found = {}
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        lines = [line for line in section.splitlines() if line.startswith("|")]
        cells = [[cell.strip() for cell in line[1:-1].split(" | ")] for line in lines]
        if cells:
            found[section.splitlines()[0]] = [cells[0], *cells[2:]]
    return found


def test_markdown_has_every_headline_figure() -> None:
    evaluation = evaluation_of()
    rows = markdown_tables(to_markdown(evaluation))["random, all"]
    assert rows[0] == ["System", "µAP", "R@P90", "R@P99", "Acc@1", "R@10", "score at P90"]
    system = evaluation.systems[0]
    assert system.normalised is not None
    for row, scored, name in (
        (rows[1], system.plain, "system 0"),
        (rows[2], system.normalised, "normalised"),
    ):
        assert row[0] == name
        figure = scored.figures["micro_average_precision"]
        assert row[1] == f"{figure.value:.3f} ({figure.low:.2f}–{figure.high:.2f})"
        assert row[4].startswith(f"{scored.figures['accuracy_at_1'].value:.3f} ")


def test_markdown_rows_have_as_many_cells_as_their_heads() -> None:
    for evaluation in (evaluation_of(), evaluation_of(systems=3), evaluation_of(samples=False)):
        for title, rows in markdown_tables(to_markdown(evaluation)).items():
            assert {len(row) for row in rows} == {len(rows[0])}, title


def test_edits_are_listed_with_their_rates() -> None:
    evaluation = evaluation_of()
    rows = markdown_tables(to_markdown(evaluation))["By edit, what fails most first"]
    system = evaluation.systems[0]
    assert rows[1][0] == "(several edits)"
    assert [row[0] for row in rows[2:]] == [edit.name for edit in system.by_edit]
    for row, edit in zip(rows[2:], system.by_edit, strict=True):
        assert edit.alone is not None
        assert row[1:3] == [str(edit.alone.queries), str(edit.alone.pairs)]
        assert row[3] == ("–" if edit.alone.recall_at_1 is None else f"{edit.alone.recall_at_1:.2f}")


def test_an_edit_that_never_is_alone_has_a_row() -> None:
    evaluation = evaluation_of()
    system = evaluation.systems[0]
    within = Slice("glow", 4, 2, 0.5, 0.5, 0.5, 0.5, 0.0)
    changed = replace(system, by_edit=(EditSlice("glow", None, within),), several_edits=None)
    rows = markdown_tables(to_markdown(replace(evaluation, systems=(changed,))))
    assert rows["By edit, what fails most first"][1:] == [["glow", "0", "0", "–", "–", "–", "–", "0.50"]]


def test_several_systems_stand_side_by_side() -> None:
    evaluation = evaluation_of(systems=3)
    rows = markdown_tables(to_markdown(evaluation))
    edits = rows["By edit, what fails most first"]
    assert edits[0] == ["Edit", "queries", "copies", "system 0", "system 1", "system 2"]
    for row in edits[2:]:
        for cell, system in zip(row[3:], evaluation.systems, strict=True):
            alone = next(edit.alone for edit in system.by_edit if edit.name == row[0])
            assert cell == (f"{alone.recall_at_1:.2f}" if alone and alone.recall_at_1 is not None else "–")
    differences = rows["Difference from system 0"]
    assert [row[0] for row in differences[1:]] == ["system 1", "normalised", "system 2", "normalised"]
    found = evaluation.comparisons[1].plain["micro_average_precision"]
    assert differences[3][1] == f"{found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f})"


def test_copydays_is_quoted_by_its_own_figures() -> None:
    rows = markdown_tables(to_markdown(evaluation_of(protocol="copydays")))["random, all"]
    assert rows[0][1:5] == ["mAP (trapezoid)", "mAP", "µAP", "µAP (trapezoid)"]


def test_the_origin_is_told_in_full() -> None:
    text = "\n".join(provenance(evaluation_of(systems=2)))
    for fact in (
        "random, split all (0123456789abcdef)",
        "40 queries, 3 of them without a reference",
        "9 references",
        "k = 10 per query",
        "30 samples, seed 0",
        "fedcba9876543210",
        "8 dimensions",
        "post-processing none",
        "sn with 7 pictures",
        "copylens evaluate exam e",
    ):
        assert fact in text, fact
    assert "Intervals: none." in "\n".join(provenance(evaluation_of(samples=False)))


def test_the_console_shows_what_markdown_shows() -> None:
    evaluation = evaluation_of(systems=2)
    words = printed(evaluation)
    for table in tables(evaluation):
        assert table.title in words
        for row in table.rows:
            for cell in row:
                assert cell.text.strip() in words


def test_a_long_table_is_cut_on_the_console() -> None:
    evaluation = evaluation_of()
    system = evaluation.systems[0]
    one = system.by_edit[0]
    many = tuple(EditSlice(f"edit-{number:02}", one.alone, one.within) for number in range(PREVIEW_ROWS + 4))
    words = printed(replace(evaluation, systems=(replace(system, by_edit=many, several_edits=None),)))
    assert f"edit-{PREVIEW_ROWS - 1:02}" in words
    assert f"edit-{PREVIEW_ROWS:02}" not in words
    assert "... and 4 more rows (see --markdown)" in words


@pytest.mark.parametrize("width", [80, 100])
def test_numbers_are_whole_on_a_narrow_terminal(width: int) -> None:
    evaluation = evaluation_of(systems=2)
    words = printed(evaluation, width)
    for scored in (system.plain for system in evaluation.systems):
        for key in ("micro_average_precision", "recall_at_10"):
            figure = scored.figures[key]
            assert f"{figure.value:.3f}" in words
            assert f"{figure.low:.2f}–{figure.high:.2f}" in words


def test_a_name_is_never_taken_for_markup() -> None:
    evaluation = evaluation_of()
    strange = "[red]a|b*c_d\x1b[31m:cat:"
    system = replace(evaluation.systems[0], label=strange)
    changed = replace(evaluation, systems=(system,))
    assert r"[red]a|b*c_d\x1b[31m:cat:" in printed(changed)
    assert r"\[red\]a\|b\*c\_d" in to_markdown(changed)


def test_markdown_is_written_whole(tmp_path: Path) -> None:
    evaluation = evaluation_of()
    write_markdown(tmp_path / "a.md", evaluation)
    assert (tmp_path / "a.md").read_text(encoding="utf-8") == to_markdown(evaluation)
    assert to_markdown(evaluation).count("\n1. ") == 2
    assert "→" in to_markdown(evaluation)
