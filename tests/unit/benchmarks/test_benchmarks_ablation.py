"""The ablation: its recipes differ in what is compared only, finished runs stay, killed ones go on, tables add up."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from benchmarks import ablation
from benchmarks.ablation_tables import TABLES, Comparison, Table

from benchmark_folders import build_exam
from copylens.config import to_mapping
from copylens.training.recipes import load_recipe
from copylens.training.running import TrainTask, train
from copylens.training.watching import read_log
from training_samples import picture_folder

PAPER, BEYOND = TABLES["paper"], TABLES["beyond"]

TINY = (
    "network.backbone=test_resnet",
    "network.frozen_stages=0",
    "data.canvas=48",
    "loop.batch=8",
    "loop.size=32",
    "loop.epochs=2",
    "loop.precision=float32",
    "watch.log_every=1",
    "watch.checkpoint_every=2",
    "export.size=64",
    "export.held_out=8",
)
STEPS = 8
"""Of a run: 40 pictures without those held out, 8 a step, twice."""


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``pictures``, ``exam`` and, finished, ``runs`` of two cells."""
    folder = tmp_path_factory.mktemp("ablation")
    picture_folder(folder / "pictures", 40)
    build_exam(folder / "exam", photos=12, negatives=4, background=0)
    with pytest.MonkeyPatch.context() as patch:
        assert run(patch, folder, "runs") == 0
    return folder


def run(patch: pytest.MonkeyPatch, places: Path, output: str, *words: str) -> int:
    """The script over two cells with one seed; `words` come last."""
    changes = [word for change in TINY for word in ("--set", change)]
    given = [str(places / "pictures"), "--exam", str(places / "exam"), "--output", str(places / output)]
    cells = ["--cells", "entropy-10", "simclr", "--seeds", "3"]
    patch.setattr(sys, "argv", ["ablation", *given, *cells, "--device", "cpu", *changes, *words])
    return ablation.main()


def rows(text: str) -> list[list[str]]:
    """Cells of all rows of tables, headers left out."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    heads = {place - 1 for place, row in enumerate(cells) if row[0].startswith("---")}
    return [row for place, row in enumerate(cells) if place not in heads and place - 1 not in heads]


def losses(run_folder: Path) -> dict[int, float]:
    return {line["step"]: line["loss"] for line in read_log(run_folder) if line["kind"] == "step"}


def never(*_: Any, **__: Any) -> None:
    raise AssertionError("a finished cell was trained again")


def test_the_table_says_what_the_logs_say(
    places: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ablation, "train", never)
    assert run(monkeypatch, places, "runs") == 0
    printed = capsys.readouterr().out
    assert printed == (places / "runs" / ablation.TABLE).read_text(encoding="utf-8")
    assert str(places) not in printed
    table = rows(printed)
    assert [row[0] for row in table] == ["`simclr`", "`entropy-10`"]
    for row in table:
        folder = places / "runs" / f"{row[0].strip('`')}-seed3"
        figures = json.loads((folder / ablation.FIGURES).read_text(encoding="utf-8"))
        start, end = figures["start"], figures["micro_average_precision"]
        assert row[3:6] == [f"{start:.3f}", f"**{end:.3f}**", f"{end:.3f}"]
        assert row[10] == str(STEPS)


def test_a_run_begins_and_ends_where_a_validation_says(places: Path, tmp_path: Path) -> None:
    settings = load_recipe(PAPER.recipes / "entropy-10.toml", [*TINY, "loop.seed=3"])
    task = TrainTask(
        pictures=[str(places / "pictures")],
        output=tmp_path / "model",
        run=tmp_path / "run",
        exam=places / "exam",
        device="cpu",
    )
    train(task, settings, report=lambda *_: None, progress=lambda *_: None)
    lines = [line for line in read_log(tmp_path / "run") if line["kind"] == "validation"]
    figures = json.loads(
        (places / "runs" / "entropy-10-seed3" / ablation.FIGURES).read_text(encoding="utf-8")
    )
    assert figures.pop("start") == pytest.approx(lines[0]["micro_average_precision"], abs=1e-6)
    assert figures == pytest.approx({name: lines[1][name] for name in figures}, abs=0.02)


def test_a_model_that_was_not_examined_is_examined_and_not_trained(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = places / "runs" / "simclr-seed3" / ablation.FIGURES
    before = json.loads(figures.read_text(encoding="utf-8"))
    figures.unlink()
    monkeypatch.setattr(ablation, "train", never)
    assert run(monkeypatch, places, "runs") == 0
    assert json.loads(figures.read_text(encoding="utf-8")) == pytest.approx(before)


def test_a_killed_cell_goes_on_and_ends_as_if_it_had_not_been(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(kind: str, step: int, _values: dict[str, Any]) -> None:
        if (kind, step) == ("step", 5):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ablation, "report", kill)
        assert run(patch, places, "killed", "--cells", "entropy-10") == 130
    cell = Path("killed") / "entropy-10-seed3"
    assert (places / cell / "run" / "checkpoint.pt").is_file()
    assert not (places / cell / "model").exists()
    seen: list[int] = []
    monkeypatch.setattr(
        ablation, "report", lambda kind, step, _: seen.append(step) if kind == "step" else None
    )
    assert run(monkeypatch, places, "killed", "--cells", "entropy-10") == 0
    assert seen == [5, 6, 7, 8]
    resumed, whole = losses(places / cell / "run"), losses(places / "runs" / "entropy-10-seed3" / "run")
    assert resumed == pytest.approx(whole, abs=1e-5)
    assert len(whole) == STEPS


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--set", "loss.temperature=0.2"), "another recipe or other pictures"),
        (("--cells", "entropy-11"), "there is no 'entropy-11'; known are simclr"),
        (("--set", "loss.entropy=3"), "unknown key 'entropy'"),
    ],
)
def test_what_cannot_be_meant_is_a_sentence(
    places: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.setattr(ablation, "train", never)
    assert run(monkeypatch, places, "runs", *words) == 2
    assert message in capsys.readouterr().err


def differing(before: str, after: str, table: Table = PAPER) -> set[str]:
    """Keys in which two recipes differ."""
    first, second = (flat(load_recipe(table.recipes / f"{name}.toml")) for name in (before, after))
    return {key for key in first if first[key] != second[key]} - {"description"}


def flat(settings: Any, path: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in to_mapping(settings).items():
        found |= (
            {f"{key}.{name}": item for name, item in value.items()}
            if isinstance(value, dict)
            else {key: value}
        )
    return found


def test_every_cell_has_a_recipe_with_the_same_budget() -> None:
    names = [cell.name for cell in PAPER.cells]
    assert sorted(names) == sorted(path.stem for path in PAPER.recipes.glob("*.toml"))
    allowed = {"network.dims", "network.pooling", "network.head", "augment.preset", "loss.kind"}
    for name in names:
        assert differing("linear", name) <= allowed | {"loss.temperature", "loss.entropy_weight"}


@pytest.mark.parametrize("comparison", PAPER.comparisons[1:], ids=lambda comparison: comparison.title)
def test_compared_cells_differ_in_one_key(comparison: Comparison) -> None:
    keys = {"λ": "loss.entropy_weight", "average": "network.pooling", "128": "network.dims"}
    key = keys.get(comparison.title.split()[0], "augment.preset")
    assert differing(comparison.before, comparison.after) == {key}


def test_cells_beyond_the_paper_differ_in_what_they_are_named_for() -> None:
    names = [cell.name for cell in BEYOND.cells]
    assert sorted(names) == sorted(path.stem for path in BEYOND.recipes.glob("*.toml"))
    for name, section in {
        "swav-beside": "swav",
        "mining-clusters": "mining",
        "mining-neighbours": "mining",
        "patch": "patch",
        "distill": "distill",
    }.items():
        keys = differing("sscd", name, BEYOND)
        assert keys
        assert {key.split(".")[0] for key in keys} == {section}
    assert differing("sscd", "swav-start", BEYOND) == set()
    assert "loss.kind" in differing("sscd", "swav-alone", BEYOND)
    for name in names:
        if name.startswith("vit-"):
            assert differing("resnet-scratch", name, BEYOND) <= {"network.backbone", "network.pooling"}
    known = set(names)
    assert all({part.before, part.after} <= known for part in BEYOND.comparisons)


def test_a_cell_starts_from_weights_from_another_cell_or_from_nothing(tmp_path: Path) -> None:
    options = Namespace(
        table="beyond", weights=tmp_path / "w.safetensors", output=tmp_path, set=["loop.batch=8"]
    )
    cells = {cell.name: cell for cell in BEYOND.cells}
    starts = {
        name: ablation.settings_of(cells[name], 4, options).network.weights
        for name in ("sscd", "swav-start", "vit-cls")
    }
    assert starts == {
        "sscd": str(tmp_path / "w.safetensors"),
        "swav-start": str(tmp_path / "swav-alone-seed4" / "run" / "backbone.safetensors"),
        "vit-cls": None,
    }
    assert ablation.settings_of(cells["sscd"], 4, options).loop.seed == 4


def outcome(end: float) -> ablation.Outcome:
    return ablation.Outcome(0.2, end, 0.5, 0.25, 30.0, 0.5, 1.0, 10, 0)


def test_differences_are_of_one_seed_and_say_their_direction() -> None:
    found = {
        "linear": {0: outcome(0.40), 1: outcome(0.30), 2: outcome(0.9)},
        "linear-average": {0: outcome(0.45), 1: outcome(0.32)},
        "entropy-3": {0: outcome(0.42), 1: outcome(0.29)},
        "entropy-10": {0: outcome(0.38), 1: outcome(0.27)},
        "entropy-30": {0: outcome(0.5)},
    }
    assert [row[2:] for row in rows("\n".join(ablation.comparison_table(found, PAPER.comparisons)))] == [
        ["+0.5", "+2.0, -1.0", "seeds disagree"],
        ["-2.5", "-2.0, -3.0", "against the paper"],
        ["+10.0", "+10.0", "one seed only"],
        ["-3.5", "-5.0, -2.0", "as the paper"],
    ]


def test_where_no_paper_is_the_direction_is_better_or_worse() -> None:
    patch = next(part for part in BEYOND.comparisons if part.after == "patch")
    assert ablation.direction([1.0, 2.0], patch) == "better in every seed"
    assert ablation.direction([-1.0, -2.0], patch) == "worse in every seed"
    assert ablation.direction([1.0, -2.0], patch) == "seeds disagree"
    assert ablation.direction([1.0], patch) == "one seed only"


def test_statistics_are_of_the_last_quarter_of_the_log(tmp_path: Path) -> None:
    figures = {
        "start": 0.1,
        "micro_average_precision": 0.3,
        "accuracy_at_1": 0.5,
        "recall_at_precision_90": 0.25,
    }
    steps = [
        {"kind": "step", "step": n, "effective_rank": n, "nearest_negative": n / 10, "images_per_second": 4.0}
        for n in range(1, 9)
    ]
    lines = [
        *steps,
        {"kind": "warning", "step": 8, "text": "the descriptors collapse"},
    ]
    (tmp_path / "run").mkdir()
    (tmp_path / ablation.FIGURES).write_text(json.dumps(figures), encoding="utf-8")
    (tmp_path / "run" / "log.jsonl").write_text(
        "".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8"
    )
    read = ablation.read_outcome(tmp_path, batch=8)
    assert (read.effective_rank, read.seconds, read.steps, read.warnings) == (7.5, 2.0, 8, 1)
    assert read.nearest_negative == pytest.approx(0.75)
    assert (read.start, read.end) == (0.1, 0.3)
