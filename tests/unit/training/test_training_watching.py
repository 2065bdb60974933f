"""The log of a run: whole lines, none twice after a resume, none torn after a kill."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from copylens.errors import OutputError
from copylens.training.watching import FILE, RunLog, read_log


def test_lines_come_back_as_they_were_written(tmp_path: Path) -> None:
    log = RunLog(tmp_path, step=0, tensorboard=False)
    log.write("step", 1, {"loss": 2.5})
    log.write("warning", 2, {"text": "é"})
    log.close()
    assert list(read_log(tmp_path)) == [
        {"kind": "step", "step": 1, "loss": 2.5},
        {"kind": "warning", "step": 2, "text": "é"},
    ]


def test_a_resumed_run_drops_what_comes_again(tmp_path: Path) -> None:
    log = RunLog(tmp_path, step=0, tensorboard=False)
    for step in range(1, 6):
        log.write("step", step, {"loss": float(step)})
    log.close()
    again = RunLog(tmp_path, step=3, tensorboard=False)
    again.write("step", 4, {"loss": -4.0})
    again.close()
    assert [(line["step"], line["loss"]) for line in read_log(tmp_path)] == [(1, 1), (2, 2), (3, 3), (4, -4)]


def test_a_new_run_starts_with_an_empty_log(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"kind": "step", "step": 9}\n', encoding="utf-8")
    RunLog(tmp_path, step=0, tensorboard=False).close()
    assert list(read_log(tmp_path)) == []


def test_a_line_that_a_kill_cut_is_left_out(tmp_path: Path) -> None:
    whole = json.dumps({"kind": "step", "step": 1})
    (tmp_path / FILE).write_text(f"{whole}\n{whole[:9]}", encoding="utf-8")
    assert [line["step"] for line in read_log(tmp_path)] == [1]


def test_no_log_is_an_empty_one(tmp_path: Path) -> None:
    assert list(read_log(tmp_path)) == []


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        RunLog(tmp_path, step=0, tensorboard=False)


def test_tensorboard_gets_every_number(tmp_path: Path) -> None:
    log = RunLog(tmp_path, step=0, tensorboard=True)
    log.write("step", 1, {"loss": 2.5, "words": "no number"})
    log.write("step", 2, {"loss": 1.5})
    log.close()
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert events.Tags()["scalars"] == ["step/loss"]
    assert [(e.step, e.value) for e in events.Scalars("step/loss")] == [(1, 2.5), (2, 1.5)]
