"""``copylens evaluate`` as a user has it: tables, JSON, files, repeats, Ctrl-C, one sentence for what is wrong."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from benchmark_folders import build_copydays, build_disc21, build_exam, build_ndec, build_pairs
from copylens.cli.evaluate import RESUME
from copylens.models import load_package
from copylens_process import CopyLens, Ran, ended, wait_until_described
from evaluation_cases import nothing_may_run
from generated_pictures import write_pictures
from small_models import SmallNetwork

Run = Callable[..., Ran]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small benchmarks, a second model and unrelated pictures."""
    home = tmp_path_factory.mktemp("evaluate")
    build_exam(home / "exam", photos=9, negatives=5, background=6)
    build_disc21(home / "disc21")
    build_copydays(home / "copydays", originals=8, strong=10, blocks=False, distractors=4)
    build_ndec(home / "ndec")
    build_pairs(home / "pairs")
    write_pictures(home / "training", 30)
    SmallNetwork().package(home / "small")
    return home


@pytest.fixture
def copylens(home: Path, thumbnail_package: Path) -> CopyLens:
    return CopyLens(home, thumbnail_package)


def test_an_exam_is_evaluated_and_told(run_here: Run, tmp_path: Path) -> None:
    ran = run_here("evaluate", "exam", "exam", "--output", str(tmp_path / "run"))
    assert (ran.status, ran.err) == (0, "")
    for words in ("exam, all", "µAP", "thumbnail", "crop", "(several edits)", "hard", "no reference"):
        assert words in ran.out
    assert ran.out.endswith(f"Run folder: {tmp_path / 'run'}\n")
    again = run_here("evaluate", "show", str(tmp_path / "run"))
    assert (again.status, again.err) == (0, "")
    assert ran.out.startswith(again.out)


def test_json_is_one_object_and_the_same_from_disk(run_here: Run, tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    words = ("evaluate", "exam", "exam", "--output", run, "--samples", "20", "--json")
    document = run_here(*words).document()
    assert document["systems"][0]["label"] == "thumbnail"
    assert document["systems"][0]["origin"]["command"] == f"copylens {' '.join(words)}"
    assert run_here("evaluate", "show", run, "--json").document() == document
    with nothing_may_run():
        assert run_here(*words).document() == document
    assert json.loads((tmp_path / "run" / "result.json").read_text()) == document


def test_a_repeat_without_a_run_folder_runs_nothing(run_here: Run, home: Path) -> None:
    words = ("evaluate", "exam", "exam", "--samples", "0")
    first = run_here(*words)
    (folder,) = (home / "cache" / "evaluations").glob("exam-all-*")
    assert f"Run folder: {folder}\n" in first.out
    with nothing_may_run():
        assert run_here(*words) == first


def test_two_models_and_a_file_are_compared(run_here: Run, home: Path, tmp_path: Path) -> None:
    rows, run = str(tmp_path / "rows.npz"), str(tmp_path / "run")
    assert run_here("describe", "exam", "--output", rows, "--model", "small").status == 0
    document = run_here(
        *("evaluate", "exam", "exam", "--output", run, "--samples", "30", "--json", "--seed", "4"),
        *(
            "--model",
            os.environ["COPYLENS_MODEL"],
            "--model",
            str(home / "small"),
            "--descriptors",
            f"mine={rows}",
        ),
    ).document()
    assert [system["label"] for system in document["systems"]] == ["thumbnail", "small", "mine"]
    small, mine = document["systems"][1:]
    for key, figure in small["plain"]["figures"].items():
        assert mine["plain"]["figures"][key]["value"] == pytest.approx(figure["value"], abs=1e-6)
    assert mine["origin"]["source"] == rows
    assert [(one["first"], one["second"]) for one in document["comparisons"]] == [
        ("thumbnail", "small"),
        ("thumbnail", "mine"),
    ]
    table = run_here("evaluate", "show", run).out
    assert "Difference from thumbnail" in table
    assert " to " in table


def test_saved_descriptors_alone_need_no_model(run_here: Run, tmp_path: Path) -> None:
    rows = str(tmp_path / "a=b.npz")
    assert run_here("describe", "exam", "--output", rows).status == 0
    with mock.patch("copylens.evaluation.describing.load_package", side_effect=AssertionError):
        document = run_here(
            *("evaluate", "exam", "exam", "--output", str(tmp_path / "run"), "--samples", "0", "--json"),
            *("--descriptors", rows),
        ).document()
    assert [system["label"] for system in document["systems"]] == ["thumbnail"]


def test_post_processing_with_pictures_of_ones_own(run_here: Run, tmp_path: Path) -> None:
    document = run_here(
        *("evaluate", "exam", "exam", "--output", str(tmp_path / "run"), "--samples", "0", "--json"),
        *(
            "--post",
            "none",
            "--post",
            "centre,pcaw8,sn",
            "--training",
            "training",
            "--background",
            "training",
        ),
    ).document()
    assert [system["label"] for system in document["systems"]] == [
        "thumbnail + none",
        "thumbnail + centre,pcaw8,sn",
    ]
    bare, whitened = document["systems"]
    assert (bare["plain"]["dims"], whitened["plain"]["dims"]) == (769, 8)
    assert whitened["plain"]["post_processing"] == "centre,pcaw8"
    assert whitened["normalised"]["post_processing"] == "centre,pcaw8,sn"
    assert (bare["origin"]["training"], whitened["origin"]["training"]) == (0, 30)
    assert (bare["origin"]["background"], whitened["origin"]["background"]) == (30, 30)


BENCHMARKS = {
    "disc21 disc21 --split dev-I --partial": ("disc21", "dev-I, partial", "k = 10 per query"),
    "disc21 disc21 --partial --best-overall 20": ("disc21", "dev, partial", "20 best overall"),
    "copydays copydays --partial": ("copydays", "strong, partial", ""),
    "copydays copydays --partial --distractors copydays/distractors": ("copydays", "strong", ""),
    "ndec ndec --partial --candidates 3": ("ndec", "partial", "k = 3 per query"),
    "pairs pairs/queries pairs/references pairs/truth.csv": ("pairs", "all", "k = 10 per query"),
}


@pytest.mark.parametrize("words", BENCHMARKS)
def test_every_benchmark_has_a_command(run_here: Run, tmp_path: Path, words: str) -> None:
    name, split, rule = BENCHMARKS[words]
    document = run_here(
        "evaluate", *words.split(), "--output", str(tmp_path), "--samples", "0", "--json"
    ).document()
    origin = document["systems"][0]["origin"]
    assert origin["benchmark"] == name
    assert split in origin["split"]
    assert rule in origin["rule"]


def test_markdown_is_written_and_quiet_is_quiet(run_here: Run, tmp_path: Path) -> None:
    table = tmp_path / "table.md"
    words = ("--output", str(tmp_path / "run"), "--samples", "0", "--markdown", str(table))
    ran = run_here("evaluate", "exam", "exam", *words, "--quiet")
    assert (ran.status, ran.out, ran.err) == (0, "", "")
    written = table.read_text(encoding="utf-8")
    assert written.startswith("# Evaluation\n\n## exam, all\n")
    table.unlink()
    assert (
        f"Written: {table}\n"
        in run_here("evaluate", "show", str(tmp_path / "run"), "--markdown", str(table)).out
    )
    assert table.read_text(encoding="utf-8") == written


def test_the_page_is_in_the_run_folder_and_where_it_is_asked_for(run_here: Run, tmp_path: Path) -> None:
    run, page = tmp_path / "run", tmp_path / "page.html"
    words = ("evaluate", "exam", "exam", "--output", str(run), "--samples", "0")
    ran = run_here(*words)
    assert f"Page: {run / 'result.html'}\nRun folder: {run}\n" in ran.out
    inside = (run / "result.html").read_bytes()
    assert b"data-thumbnails" in inside
    assert f"Written: {page}\n" in run_here(*words, "--html", str(page)).out
    assert page.read_bytes() == (run / "result.html").read_bytes()
    (run / "result.html").unlink()
    page.unlink()
    shown = run_here("evaluate", "show", str(run), "--html", str(page))
    assert f"Written: {page}\n" in shown.out
    assert "Page: " not in shown.out
    assert b"data-thumbnails" in page.read_bytes()
    assert not (run / "result.html").exists()


def test_without_a_benchmark_it_explains_itself(run_here: Run) -> None:
    ran = run_here("evaluate")
    assert ran.status == 2
    for name in ("exam", "disc21", "copydays", "ndec", "pairs", "show"):
        assert re.search(rf"^  {name} ", ran.out, re.MULTILINE)


WRONG = {
    "exam": "Missing argument 'EXAM'",
    "exam ''": "'EXAM': it is empty",
    "exam nowhere": "nowhere: no such folder",
    "exam training": "training: this is no exam, queries/ and references/ and truth.csv missing",
    "disc21 disc21": "not the whole of DISC2021, split dev: it lacks",
    "disc21 disc21 --split last": "DISC2021 has no split 'last'",
    "copydays copydays": "not the whole of Copydays",
    "ndec ndec": "ndec: not the whole of NDEC",
    "pairs pairs/queries pairs/references nowhere.csv": "nowhere.csv: cannot be read",
    "exam exam --model nothing": "There is no model 'nothing'",
    "exam exam --descriptors nowhere.npz": "nowhere.npz cannot be read",
    "exam exam --descriptors other=exam/truth.csv": "exam/truth.csv is no .npz file of plain arrays",
    "exam exam --descriptors few.npz": "few.npz has no descriptor of 22 of the 23 queries: ",
    "exam exam --post whiten": "'whiten'",
    "exam exam --post pcaw4": "--post pcaw4 learns from unrelated pictures",
    "pairs pairs/queries pairs/references pairs/truth.csv --post sn": "--post sn normalises scores",
    "exam exam --training nowhere": "nowhere: no such folder; it should hold the training pictures",
    "exam exam --background empty": "empty: there is no picture in this folder",
    "exam exam --candidates 0": "--candidates must be at least 1, got 0",
    "exam exam --best-overall 0": "--best-overall must be at least 1, got 0",
    "exam exam --candidates 5 --best-overall 5": "--candidates and --best-overall are two rules for one list",
    "exam exam --samples -1": "--samples must be 0 or more, got -1",
    "exam exam --workers 0": "--workers must be at least 1, got 0",
    "exam exam --output few.npz": "The run folder few.npz cannot be made",
    "exam exam --markdown table.txt": "table.txt: the suffix says the format",
    "exam exam --markdown no/table.md": "there is no folder no; make it first",
    "exam exam --model small --model small": "is given twice",
    "exam broken": "1 picture of the benchmark cannot be read",
    "show nowhere": "nowhere is no run folder of an evaluation",
    "exam exam --html page.pdf": "page.pdf: the suffix says the format",
    "show exam --html no/page.html": "there is no folder no; make it first",
}

FAILED = {"exam exam --output few.npz", "exam broken", "exam exam --model nothing"}
"""Not the caller's words are wrong here, but what they name."""


@pytest.fixture(scope="module")
def with_strange_things(home: Path) -> Path:
    np.savez(
        home / "few.npz", paths=np.array(["queries/Q00000.jpg"]), descriptors=np.ones((1, 3), np.float32)
    )
    (home / "empty").mkdir()
    build_exam(home / "broken", photos=2)
    (home / "broken" / "references" / "R00001.jpg").write_bytes(b"no picture")
    return home


@pytest.mark.usefixtures("with_strange_things")
@pytest.mark.parametrize("words", WRONG)
def test_whatever_is_wrong_is_said_in_one_sentence(run_here: Run, words: str) -> None:
    ran = run_here("evaluate", *("" if word == "''" else word for word in words.split()))
    assert WRONG[words] in ran.sentence()
    assert ran.status == (1 if words in FAILED else 2)


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_after_ctrl_c_it_goes_on(copylens: CopyLens, tmp_path: Path, thumbnail_package: Path) -> None:
    build_exam(tmp_path / "exam", photos=150, negatives=50)
    words = ("evaluate", "exam", tmp_path / "exam", "--output", tmp_path / "run", "--samples", "0")
    fingerprint = load_package(thumbnail_package).fingerprint
    process = copylens.start(*words, "--workers", "1")
    assert wait_until_described(process, tmp_path / "run" / "catalogs" / f"{fingerprint}-float32.db", 40)
    process.send_signal(signal.SIGINT)
    ran = ended(process)
    assert (ran.status, ran.sentence()) == (130, RESUME)
    assert not (tmp_path / "run" / "result.json").exists()
    assert copylens.run(*words, "--json").document()["systems"][0]["origin"]["queries"] == 350
