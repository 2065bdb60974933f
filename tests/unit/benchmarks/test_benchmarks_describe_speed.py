"""Models in turns over the same files: which files, whose turn, and the ratios that are printed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from benchmarks import describe_speed
from benchmarks.describe_speed import Times, Turn, choose, in_turns, load_describers, make_large, table
from PIL import Image

from benchmark_folders import pattern, save
from small_models import SmallNetwork


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    folder.mkdir()
    for number in range(7):
        save(pattern(number, (160, 120)), folder / f"{number}.jpg")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    return folder


@pytest.fixture
def models(tmp_path: Path) -> tuple[str, str]:
    first = SmallNetwork().package(tmp_path / "first", name="first")
    other = SmallNetwork(seed=1, size=(32, 32)).package(tmp_path / "other", name="other")
    return str(first.directory), str(other.directory)


@pytest.fixture(autouse=True)
def smaller_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(describe_speed, "TWELVE", (600, 450))


def words(monkeypatch: pytest.MonkeyPatch, *given: str) -> None:
    monkeypatch.setattr(sys, "argv", ["describe_speed", *given])


def test_prints_a_table_for_each_set_of_files(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    photographs: Path,
    models: tuple[str, str],
) -> None:
    first, other = models
    given = ["--model", first, "--model", other, "--engine", "onnxruntime", "--engine", "openvino:float32"]
    words(monkeypatch, str(photographs), *given, "--rounds", "2", "--large", "3")
    assert describe_speed.main() == 0
    out = capsys.readouterr().out
    assert str(photographs) not in out
    assert "photographs: 8 files, 0.02 megapixels" in out
    assert "12 megapixels: 3 files, 0.27 megapixels" in out
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in out.splitlines() if "|" in line]
    bodies = [row for row in rows if row[0] in ("first", "other")]
    assert [(row[0], row[1]) for row in bodies[:4]] == [
        ("first", "onnxruntime"),
        ("first", "openvino:float32"),
        ("other", "onnxruntime"),
        ("other", "openvino:float32"),
    ]
    assert len(bodies) == 8
    # The reference is as fast as itself; every other figure is a measured one.
    assert {row[4] for row in bodies if row[0] == "first"} == {"1.00"}
    assert all(float(row[2]) > 0 and float(row[3]) > 0 and float(row[4]) > 0 for row in bodies)


def test_another_model_is_the_reference_on_request(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    photographs: Path,
    models: tuple[str, str],
) -> None:
    given = ["--model", models[0], "--model", models[1], "--reference", models[1], "--rounds", "1"]
    words(monkeypatch, str(photographs), *given)
    assert describe_speed.main() == 0
    last = capsys.readouterr().out.splitlines()[-1].split("|")
    assert (last[1].strip(), last[5].strip()) == ("other", "1.00")


def test_models_take_turns_and_the_first_round_does_not_count(
    monkeypatch: pytest.MonkeyPatch, photographs: Path, models: tuple[str, str]
) -> None:
    turns: list[str] = []
    describe = describe_speed.describe

    def watched(describer: Any, files: Any) -> int:
        turns.append(describer.identity.name)
        return describe(describer, files)

    monkeypatch.setattr(describe_speed, "describe", watched)
    times = in_turns(load_describers(models, ["onnxruntime"]), choose(photographs, 8), 2)
    assert turns == ["first", "other"] * 3
    # The broken file is no picture.
    assert [[turn.pictures for turn in each.turns] for each in times.values()] == [[7, 7], [7, 7]]


def test_ratios_are_of_one_round_each_and_of_the_same_engine() -> None:
    def times(*processor: float) -> Times:
        return Times([Turn(1.0, seconds, 10) for seconds in processor])

    rows = table(
        {
            ("slow", "a"): times(4.0, 8.0, 3.0),
            ("slow", "b"): times(9.0, 9.0, 9.0),
            ("quick", "a"): times(2.0, 2.0, 2.0),
            ("quick", "b"): times(3.0, 1.0, 9.0),
        },
        "slow",
    )
    assert rows[2:] == [
        "| slow | a | 10 | 400.00 | 1.00 | 1.00 – 1.00 |",
        "| slow | b | 10 | 900.00 | 1.00 | 1.00 – 1.00 |",
        "| quick | a | 10 | 200.00 | 2.00 | 1.50 – 4.00 |",
        "| quick | b | 10 | 300.00 | 3.00 | 1.00 – 9.00 |",
    ]


def test_files_are_spread_over_the_folder(photographs: Path) -> None:
    names = [Path(file.path).name for file in choose(photographs, 4)]
    assert names == ["0.jpg", "2.jpg", "4.jpg", "6.jpg"]


def test_large_pictures_are_large_and_the_same_again(photographs: Path, tmp_path: Path) -> None:
    first, second = (make_large(photographs, tmp_path / name, 2) for name in ("a", "b"))
    for number in range(2):
        with Image.open(first / f"{number:03}.jpg") as image:
            assert (image.size, image.format) == ((600, 450), "JPEG")
    contents = [sorted(path.read_bytes() for path in folder.iterdir()) for folder in (first, second)]
    assert contents[0] == contents[1]
    assert contents[0][0] != contents[0][1]


def test_what_cannot_be_is_said_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    models: tuple[str, str],
) -> None:
    words(monkeypatch, str(tmp_path / "first"), "--model", models[0])
    assert describe_speed.main() == 2
    assert capsys.readouterr().err == f"describe_speed: {tmp_path / 'first'} has no pictures.\n"
    words(monkeypatch, str(tmp_path), "--model", "nobody")
    assert describe_speed.main() == 2
    assert "nobody" in capsys.readouterr().err
