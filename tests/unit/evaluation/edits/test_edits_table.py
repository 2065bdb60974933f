"""Edits by name, and the table that people and machines read."""

from __future__ import annotations

import json

import pytest

from copylens.errors import UsageError
from copylens.evaluation.edits import EDITS, STRENGTHS, choose_edits, edit_rows, edit_table


def test_the_table_shows_every_edit_with_its_ranges() -> None:
    lines = edit_table().splitlines()
    assert lines[0].split() == ["EDIT", "WHAT", "IT", "DOES", "PARAMETER", "MILD", "MEDIUM", "HARD"]
    for name, edit in EDITS.items():
        (line,) = [line for line in lines if line.split()[:1] == [name] and line.startswith("  ")]
        assert edit.title in line
        if edit.parameters:
            first = edit.parameters[0]
            assert first.meaning in line
            assert first.hard.text(first.unit) in line
        else:
            assert "the same at every strength" in line
    assert max(len(line) for line in lines) <= 140
    assert all(line == line.rstrip() for line in lines)


def test_rows_are_for_machines() -> None:
    rows = json.loads(json.dumps(edit_rows()))
    assert [row["name"] for row in rows] == list(EDITS)
    crop = next(row for row in rows if row["name"] == "crop")
    assert crop["stage"] == "geometry"
    assert crop["needs_others"] is False
    assert crop["parameters"][0].keys() == {"name", "meaning", *STRENGTHS}
    assert crop["parameters"][0]["hard"] == "10–16%"


def test_edits_are_in_the_order_of_their_stages() -> None:
    stages = list(dict.fromkeys(edit.stage for edit in EDITS.values()))
    assert stages == ["geometry", "colour", "detail", "overlay", "container", "encoding"]
    assert all(name == edit.name and name.isidentifier() and "+" not in name for name, edit in EDITS.items())


def test_choosing_by_name() -> None:
    assert choose_edits(None, ()) == tuple(EDITS.values())
    assert [edit.name for edit in choose_edits(["jpeg", "crop"], ())] == ["crop", "jpeg"]
    assert [edit.name for edit in choose_edits(["jpeg", "crop"], ["crop"])] == ["jpeg"]
    assert len(choose_edits(None, ["crop", "meme"])) == len(EDITS) - 2


@pytest.mark.parametrize(
    ("include", "exclude", "said"),
    [
        (["crops"], [], "There is no edit 'crops'; did you mean crop?"),
        (None, ["zzzz"], "There is no edit 'zzzz'; `copylens benchmark edits` lists them."),
        (["crop"], ["crop"], "No edit is left"),
        ([], [], "No edit is left"),
    ],
)
def test_wrong_names_are_explained(include: list[str] | None, exclude: list[str], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        choose_edits(include, exclude)
    assert said in str(refused.value)
