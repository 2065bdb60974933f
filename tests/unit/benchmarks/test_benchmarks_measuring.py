"""What a run costs: memory by processes whose memory is known, and failures as sentences."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from benchmarks.peers.measuring import Cost, RunFailed, measure

MIB = 1 << 20
FILL = f"x = b'1' * (150 * {MIB})"


def run(code: str, folder: Path, *, timeout: float = 60) -> Cost:
    """Measure a line of Python."""
    return measure([sys.executable, "-S", "-c", code], folder / "log.txt", timeout)


def test_counts_the_memory_of_a_process(tmp_path: Path) -> None:
    assert 150 <= run(f"{FILL}; import time; time.sleep(0.5)", tmp_path).peak <= 200


def test_does_not_count_the_memory_of_who_measures(tmp_path: Path) -> None:
    ballast = b"1" * (300 * MIB)
    assert 1 < run("import time; time.sleep(0.2)", tmp_path).peak < 100
    assert len(ballast) == 300 * MIB


def test_adds_up_the_memory_of_several_processes(tmp_path: Path) -> None:
    child = f"{FILL}; import time; time.sleep(1.5)"
    code = f"import subprocess, sys; c = [sys.executable, '-S', '-c', {child!r}]; " + (
        "many = [subprocess.Popen(c) for _ in range(2)]; [one.wait() for one in many]"
    )
    assert 300 <= run(code, tmp_path).peak <= 450


def test_counts_the_processor_time_of_a_run(tmp_path: Path) -> None:
    cost = run("import time\nwhile time.process_time() < 0.3: pass", tmp_path)
    assert cost.cpu >= 0.3
    assert cost.wall > 0
    assert cost.others >= 0


def test_a_failure_says_what_the_command_said(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match=r"exit status 3\nno model"):
        run("print('no model'); raise SystemExit(3)", tmp_path)


def test_a_run_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="still running"):
        run("import time; time.sleep(600)", tmp_path, timeout=0.3)
