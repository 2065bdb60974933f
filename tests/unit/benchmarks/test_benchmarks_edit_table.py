"""The table of recall by edit: systems of several evaluations beside each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks import edit_table
from benchmarks.edit_table import chosen, parse_arguments, table
from benchmarks.marked_pages import marks

from copylens.evaluation.documents import write_result
from copylens.evaluation.results import (
    Curve,
    EditSlice,
    Evaluation,
    Origin,
    Scored,
    ScoreHistogram,
    Slice,
    SystemResult,
)

ORIGIN = Origin(
    benchmark="exam", split="all", protocol="", benchmark_digest="00", rule="k = 10 per query", queries=9,
    references=4, pairs=8, without_reference=1, training=0, background=0, model="m", fingerprint="f", source="",
    precision="float32", dims=8, post_processing="none", samples=0, level=0.95, seed=0, command="", copylens="0",
)  # fmt: skip

SCORED = Scored(
    dims=8,
    post_processing="none",
    figures={},
    thresholds=(),
    curve=Curve((), (), ()),
    histogram=ScoreHistogram((0.0, 1.0), (0,), (0,)),
)


def part(name: str, rate: float | None) -> Slice:
    return Slice(name, 5, 4, rate, rate, rate, 0.5, 0.0)


def system(label: str, several: float, **rates: float | None) -> SystemResult:
    edits = tuple(EditSlice(name, part(name, rate), None) for name, rate in rates.items())
    return SystemResult(
        label=label,
        origin=ORIGIN,
        plain=SCORED,
        normalised=None,
        by_edit=edits,
        several_edits=part("several edits", several),
        by_strength=(),
        by_kind=(),
        misses=(),
        false_matches=(),
    )


PEER = system("peer", 0.75, crop=1.0, pip=0.5, blur=1.0)
FAST = system("ours", 0.5, blur=1.0, crop=0.75, pip=0.25)
THOROUGH = system("ours, thorough", 0.6, blur=1.0, pip=1.0, crop=None)


def test_rows_begin_with_what_fails_most_and_mixes_come_last() -> None:
    assert table([PEER, FAST, THOROUGH]) == [
        "| recall at 1, edit alone | copies | peer | ours | ours, thorough |",
        "|---|---:|---:|---:|---:|",
        "| crop | 4 | 1.00 | 0.75 | – |",
        "| pip | 4 | 0.50 | **0.25** | 1.00 |",
        "| blur | 4 | 1.00 | 1.00 | 1.00 |",
        "| several edits | 4 | 0.75 | 0.50 | 0.60 |",
    ]


def test_an_edit_that_a_system_never_met_alone_is_a_dash() -> None:
    mixed = replace(FAST, by_edit=(EditSlice("crop", None, part("crop", 0.5)),), several_edits=None)
    lines = table([mixed, PEER])
    assert "| crop | 0 | – | 1.00 |" in lines
    assert lines[-1] == "| several edits | 0 | – | 0.75 |"


def test_systems_of_several_evaluations_stand_once_and_in_order() -> None:
    first, second = Evaluation((PEER, FAST), ()), Evaluation((FAST, THOROUGH), ())
    assert [one.label for one in chosen([first, second])] == ["peer", "ours", "ours, thorough"]
    assert [one.label for one in chosen([first, second], ["peer"])] == ["ours", "ours, thorough"]
    other = replace(THOROUGH, origin=replace(ORIGIN, benchmark_digest="01"))
    with pytest.raises(ValueError, match="different exams"):
        chosen([first, Evaluation((other,), ())])


def test_a_run_reads_folders_and_fills_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, evaluation in (("peers", Evaluation((PEER,), ())), ("ours", Evaluation((FAST,), ()))):
        (tmp_path / name).mkdir()
        write_result(tmp_path / name / "result.json", evaluation)
    page, (begin, end) = tmp_path / "page.md", marks("edit_table")
    page.write_text(f"{begin}\n{end}\n", encoding="utf-8")
    monkeypatch.setattr(
        "sys.argv", ["edit_table", str(tmp_path / "peers"), str(tmp_path / "ours"), "--page", str(page)]
    )
    assert edit_table.main() == 0
    printed = capsys.readouterr().out
    assert page.read_text(encoding="utf-8") == f"{begin}\n{printed}{end}\n"
    assert printed.startswith("`python -m benchmarks.edit_table peers ours --page page.md`\n")
    assert "| pip | 4 | 0.50 | **0.25** |\n" in printed


def test_a_page_without_marks_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_arguments(["run", "--page", str(tmp_path / "nowhere.md")])
    assert "has to be a file" in capsys.readouterr().err
