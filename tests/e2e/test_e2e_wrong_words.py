"""Whatever is wrong with a command line: status 2, one sentence on stderr that names it, no traceback, nothing done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from copylens_process import CopyLens, Ran
from generated_pictures import random_picture, write_pictures

WRONG = {
    "scan": "Missing argument 'PATH'",
    "scan ''": "'PATH': it is empty",
    "scan nowhere": "nowhere: no such file or folder",
    "scan pictures --against nowhere": "nowhere: no such file or folder",
    "scan pictures --output result.txt": "result.txt: the suffix says the format",
    "scan pictures --output result": "result: the suffix says the format",
    "scan pictures --output no/result.json": "there is no folder no; make it first",
    "scan pictures --output folder.json": "folder.json is a folder; name a file",
    "scan pictures --html result.json": "--html result.json: the report's name must end in .html",
    "scan pictures --keep biggest": "--keep: there is no rule 'biggest'",
    "scan pictures --keep ,": "--keep ',': give at least one rule",
    "scan pictures --threshold 1.5": "'--threshold': a score lies between -1 and 1, and 1.5 does not",
    "scan pictures --threshold nan": "'--threshold': a score lies between -1 and 1, and nan does not",
    "scan pictures --threshold high": "'--threshold'",
    "scan pictures --workers 0": "--workers must be at least 1, got 0",
    "scan pictures --engine steam": "'--engine'",
    "scan pictures --views all": "'--views'",
    "compare a.jpg a.jpg --views deep": "'--views'",
    "evaluate pairs pictures pictures t.csv --views deep": "--views: there are none called 'deep'",
    "models calibrate copylens-small pictures --false-matches 0": "--false-matches must lie between 0 and 1,000,000",
    "models examine copylens-small pictures --views deep": "--views: there are none called 'deep'",
    "models examine copylens-small pictures": "pictures",
    "scan pictures --extensions .,": "--extensions '.,': give suffixes separated by commas",
    "scan pictures --catalog ''": "'--catalog'",
    "scan pictures --treshold 0.5": "No such option: --treshold",
    "find pictures": "No such command 'find'",
    "compare a.jpg": "Missing argument 'B'",
    "compare a.jpg nowhere.jpg": "nowhere.jpg: there is no such file",
    "compare a.jpg pictures": "pictures: a folder, not a file",
    "compare a.jpg note.txt": "note.txt: not an image: a text file",
    "compare a.jpg a.jpg --model nothing": "There is no model 'nothing'",
    "describe pictures": "Missing option '--output'",
    "describe pictures --output d.json": "d.json: the suffix says the format",
    "models import nowhere.onnx": "nowhere.onnx: no such file",
    "models import note.txt": "note.txt: the suffix must be .onnx",
    "models import a.onnx --mean 1,2": "--mean '1,2': write three numbers",
    "models import a.onnx --input-size 0x3": "--input-size '0x3': write one number",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("wrong")
    write_pictures(home / "pictures", 2)
    random_picture(0).save(home / "a.jpg")
    (home / "folder.json").mkdir()
    (home / "note.txt").write_text("A note.\n" * 9)
    (home / "a.onnx").write_bytes(b"")
    return home


@pytest.fixture
def copylens(home: Path, thumbnail_package: Path) -> CopyLens:
    return CopyLens(home, thumbnail_package)


@pytest.mark.parametrize("line", WRONG)
def test_it_is_named_in_one_sentence(home: Path, run_here: Callable[..., Ran], line: str) -> None:
    before = tree(home)
    ran = run_here(*words_of(line))
    assert ran.status == 2
    assert WRONG[line] in ran.sentence()
    assert tree(home) == before


@pytest.mark.parametrize("line", ["scan nowhere", "scan pictures --threshold 1.5", "compare a.jpg note.txt"])
def test_so_it_is_in_a_process_of_its_own(copylens: CopyLens, line: str) -> None:
    ran = copylens.run(*words_of(line))
    assert ran.status == 2
    assert WRONG[line] in ran.sentence()


def words_of(line: str) -> list[str]:
    return [word.strip("'") for word in line.split(" ")]


def tree(home: Path) -> list[Path]:
    """All files but the catalog, which is opened before paths are looked at."""
    return sorted(path for path in home.rglob("*") if "cache" not in path.parts)
