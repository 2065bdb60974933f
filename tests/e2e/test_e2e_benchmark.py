"""``copylens benchmark`` as a user has it: an exam from the bundled photographs, killed and taken up; its tables."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from copylens.evaluation.benchmarks import BENCHMARKS
from copylens.evaluation.edits import EDITS
from copylens_process import PATIENCE, CopyLens, Ran, ended
from exam_samples import ORIGINALS
from generated_pictures import write_pictures

PHOTOGRAPHS = 36
SEED = 515


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("benchmark")


@pytest.fixture(scope="module")
def bundled(home: Path) -> CopyLens:
    """The command with the bundled model, whose catalog the tests of this file share."""
    return CopyLens(home)


@pytest.fixture(scope="module")
def made(bundled: CopyLens) -> Ran:
    return bundled.run("benchmark", "make", ORIGINALS, "--output", "exam", "--size", "256")


@pytest.fixture(scope="module")
def photos(home: Path) -> Path:
    write_pictures(home / "generated", 60, size=(400, 300))
    return home / "generated"


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_an_exam_from_the_bundled_photographs(made: Ran, home: Path) -> None:
    assert (made.status, made.err) == (0, "")
    lines = made.out.splitlines()
    assert lines[0].startswith("exam: 60 pictures made in ")
    assert lines[1].split() == ["references", "27", "of", "which", "nobody", "edited", "13"]
    assert lines[2].split() == ["queries", "33", "of", "which", "without", "a", "match", "5"]
    assert lines[3].split() == ["photographs", "36", "of", "36", "that", "could", "be", "used"]
    assert lines[-1] == "Next: copylens evaluate exam exam"
    with (home / "exam" / "truth.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["query"] for row in rows} == {path.name for path in (home / "exam" / "queries").iterdir()}
    references = {path.name for path in (home / "exam" / "references").iterdir()}
    assert {row["reference"] for row in rows} < {"", *references}
    assert {name for row in rows for name in row["ops"].split("+")} <= set(EDITS)


def test_the_exam_can_be_evaluated(bundled: CopyLens, made: Ran) -> None:
    said = bundled.run("evaluate", "exam", "exam")
    assert (said.status, said.err) == (0, "")
    assert "µAP" in said.out
    assert "33 queries, 5 of them without a reference; 27 references" in " ".join(said.out.split())


def test_the_same_again_makes_nothing(bundled: CopyLens, made: Ran, home: Path) -> None:
    before = contents(home / "exam")
    document = bundled.run(
        "benchmark", "make", ORIGINALS, "--output", "exam", "--size", "256", "--json"
    ).document()
    assert (document["made"], document["kept"]) == (0, 60)
    assert document["counts"]["queries"] == 33
    assert document["photographs"]["usable"] == PHOTOGRAPHS
    assert document["photographs"]["skipped"] == []
    assert contents(home / "exam") == before


def test_another_process_with_other_threads_makes_the_same(bundled: CopyLens, made: Ran, home: Path) -> None:
    said = bundled.run(
        "benchmark", "make", ORIGINALS, "--output", "again", "--size", "256", "--jobs", "3", "--quiet"
    )
    assert said == Ran(0, "", "")
    assert contents(home / "again") == contents(home / "exam")


def test_near_copies_and_broken_files_are_said(bundled: CopyLens) -> None:
    said = bundled.run("benchmark", "make", ORIGINALS.parent, "--output", "all", "--size", "128")
    assert (said.status, said.err) == (0, "")
    assert "Left out as near copies of others: 2" in said.out
    assert "more; --json lists them all" in said.out
    assert "empty-zero-bytes.jpg: the file has no bytes" in said.out


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_a_killed_run_is_taken_up(copylens: CopyLens, photos: Path, tmp_path: Path) -> None:
    words = ("benchmark", "make", photos, "--no-dedupe", "--size", "192", "--queries", "90")
    whole = copylens.run(*words, "--output", tmp_path / "whole", "--json").document()
    chance = random.Random(SEED)
    broken, kept = tmp_path / "broken", [0]
    for _ in range(4):
        process = copylens.start(*words, "--output", broken, "--jobs", "1")
        _wait_for_pictures(process, broken, kept[-1] + chance.randint(3, 20))
        process.kill()
        assert ended(process).status == -signal.SIGKILL, "it ended before it was killed"
        assert json.loads((broken / "exam.json").read_text())["finished"] is False
        assert not (broken / "truth.csv").exists()
        kept.append(_finished(broken))
    assert kept == sorted(kept)
    assert kept[-1] < whole["made"]
    document = copylens.run(*words, "--output", broken, "--json").document()
    assert document["kept"] == kept[-1]
    assert contents(broken) == contents(tmp_path / "whole")


def _finished(exam: Path) -> int:
    return sum(1 for path in exam.glob("*/[qrb]*") if path.stat().st_size)


def _wait_for_pictures(process: subprocess.Popen[bytes], exam: Path, count: int) -> None:
    """Wait until an exam has so many pictures, or the process ends."""
    until = time.monotonic() + PATIENCE
    while _finished(exam) < count and process.poll() is None:
        assert time.monotonic() < until, "nothing happened"
        time.sleep(0.005)


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_an_interrupted_run_says_how_to_go_on(copylens: CopyLens, photos: Path, tmp_path: Path) -> None:
    words = ("benchmark", "make", photos, "--no-dedupe", "--queries", "400", "--output", tmp_path / "exam")
    process = copylens.start(*words, "--jobs", "1")
    _wait_for_pictures(process, tmp_path / "exam", 5)
    process.send_signal(signal.SIGINT)
    said = ended(process)
    assert said.status == 130
    assert said.sentence() == (
        "Interrupted. Finished pictures are kept: run the same command again to go on."
    )


def test_a_sheet_to_look_at(copylens: CopyLens, photos: Path, tmp_path: Path) -> None:
    few = ("--edits", "crop,meme,collage", "--size", "128")
    document = copylens.run(
        "benchmark", "make", photos, "--preview", tmp_path / "edits.html", *few, "--json"
    ).document()
    assert document["preview"] == {"file": str(tmp_path / "edits.html"), "edits": 3}
    assert (tmp_path / "edits.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    said = copylens.run("benchmark", "make", photos, "--preview", tmp_path / "edits.png", *few)
    assert said == Ran(0, f"Written: {tmp_path / 'edits.png'} (3 edits)\n", "")
    with Image.open(tmp_path / "edits.png") as image:
        assert image.format == "PNG"


def test_the_table_of_edits(run_here: Callable[..., Ran]) -> None:
    table = run_here("benchmark", "edits")
    assert (table.status, table.err) == (0, "")
    assert all(f"  {name} " in table.out for name in EDITS)
    document = run_here("benchmark", "edits", "--json").document()
    assert [edit["name"] for edit in document["edits"]] == list(EDITS)


def test_the_list_of_benchmarks(run_here: Callable[..., Ran]) -> None:
    said = run_here("benchmark", "list")
    assert (said.status, said.err) == (0, "")
    for name, info in BENCHMARKS.items():
        assert f"{name}: {info.title}" in said.out
        assert info.address in said.out
    document: Any = run_here("benchmark", "list", "--json").document()
    assert [each["name"] for each in document["benchmarks"]] == list(BENCHMARKS)
    assert all(each["layout"] and each["splits"] for each in document["benchmarks"])


WRONG = {
    "benchmark make": "Missing argument 'PATH'",
    "benchmark make photos": "Name the exam's folder with --output",
    "benchmark make nowhere --output exam": "nowhere: no such file or folder",
    "benchmark make photos --output full": "full holds files and is no exam",
    "benchmark make photos --output photos/exam": "photos/exam lies inside photos",
    "benchmark make photos --output exam --size 3": "--size must be between 64 and 4096, got 3",
    "benchmark make photos --output exam --edits crop,meem": "There is no edit 'meem'; did you mean meme?",
    "benchmark make photos --output exam --strengths soft": "--strengths soft: give one or more of mild",
    "benchmark make photos --output exam --edits ''": "'--edits': it is empty",
    "benchmark make photos --output exam --jobs 0": "--jobs must be at least 1",
    "benchmark make photos --output exam --references 50 --no-dedupe": "are too few",
    "benchmark make photos --preview sheet.gif": "must be one of .html, .png",
    "benchmark mak": "No such command 'mak'",
}


@pytest.mark.parametrize("line", WRONG)
def test_wrong_words_get_one_sentence(line: str, run_here: Callable[..., Ran], tmp_path: Path) -> None:
    write_pictures(tmp_path / "photos", 3)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("Dear Ada")
    words = [word.strip("'") for word in line.split()]
    said = run_here(*words)
    assert said.status == 2
    assert WRONG[line] in said.sentence()
    assert not (tmp_path / "exam").exists()
