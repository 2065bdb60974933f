"""Sizes of a folder of packages that is made up, and times of commands that do nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.startup import MIB, PAIR, Package, commands, installed, measure, size_table, time_table


def package(folder: Path, name: str, sizes: dict[str, int]) -> None:
    """Lay out an installed package."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    for file, size in sizes.items():
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_bytes(bytes(size))
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in [*sizes, "gone.py"]), encoding="utf-8")


def test_sizes_are_those_of_the_files_that_are_there(tmp_path: Path) -> None:
    package(tmp_path, "small", {"small/a.py": 10, "small/b.so": 5})
    package(tmp_path, "large", {"large/a.py": 3 * MIB})
    package(tmp_path, "pip", {"pip/a.py": 9 * MIB})
    found = installed(tmp_path)
    assert found == [Package("large", "1.0", 3 * MIB), Package("small", "1.0", 15)]
    assert size_table(found)[2:] == [
        "| large | 1.0 | 3.0 |",
        "| 1 smaller ones | | 0.0 |",
        "| **2 packages** | | **3.0** |",
    ]


def test_each_command_runs_as_often_as_asked() -> None:
    times = measure({"nothing": [sys.executable, "-S", "-c", "pass"]}, 3)
    assert [len(seen) for seen in times.values()] == [3]
    assert min(times["nothing"]) > 0
    assert time_table({"nothing": [0.2, 0.1, 0.6]})[2:] == ["| `nothing` | 0.200 | 0.100 |"]


def test_a_command_that_fails_is_an_error() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        measure({"nothing": [sys.executable, "-S", "-c", "raise SystemExit(1)"]}, 1)


def test_the_commands_work_here() -> None:
    assert all(path.is_file() for path in PAIR)
    for command in commands(Path(sys.executable).parent).values():
        subprocess.run(command, check=True, capture_output=True, timeout=120)
