"""``copylens train`` as a user runs it: killed and gone on, with two processes, interrupted, previewed, refused."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from copylens.training.watching import FILE, read_log
from copylens_process import COMMAND
from training_samples import TINY, picture_folder, run_training, tiny

STEPS = 30
CHANGES = [f"loop.steps={STEPS}", "watch.checkpoint_every=4"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return picture_folder(tmp_path_factory.mktemp("train") / "pictures")


def words(pictures: Path, folder: Path, *changes: str) -> list[str]:
    settings = [word for change in (*TINY, *changes) for word in ("--set", change)]
    places = ["--output", str(folder / "model"), "--run-folder", str(folder / "run")]
    return ["train", str(pictures), "--recipe", "cpu-smoke", "--device", "cpu", *places, *settings]


def start(arguments: list[str], *, launcher: list[str] = COMMAND) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*launcher, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def steps_logged(folder: Path) -> int:
    return max((line["step"] for line in read_log(folder / "run")), default=0)


def wait_for_step(child: subprocess.Popen[str], folder: Path, step: int) -> None:
    while steps_logged(folder) < step and child.poll() is None:
        time.sleep(0.02)


def losses(folder: Path) -> dict[int, float]:
    return {line["step"]: line["loss"] for line in read_log(folder / "run") if line["kind"] == "step"}


@pytest.fixture(scope="module")
def uninterrupted(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, float]:
    return run_training(pictures, tmp_path_factory.mktemp("whole"), tiny(*CHANGES)).losses


def test_a_run_that_is_killed_at_any_step_ends_as_if_it_had_not_been(
    pictures: Path, tmp_path: Path, uninterrupted: dict[int, float]
) -> None:
    dice = random.Random(4)
    for kill in range(3):
        child = start(words(pictures, tmp_path, *CHANGES))
        wait_for_step(child, tmp_path, dice.randint(8 * kill + 1, 8 * kill + 8))
        child.kill()
        child.communicate()
        assert child.returncode == -signal.SIGKILL
    last = start(words(pictures, tmp_path, *CHANGES))
    _, said = last.communicate()
    assert last.returncode == 0, said
    assert (tmp_path / "model" / "model.onnx").is_file()
    found = losses(tmp_path)
    assert sorted(found) == list(range(1, STEPS + 1))
    assert found == pytest.approx(uninterrupted, abs=1e-5)


def test_ctrl_c_ends_with_a_whole_step_and_says_how_to_go_on(
    pictures: Path, tmp_path: Path, uninterrupted: dict[int, float]
) -> None:
    changes = [f"loop.steps={STEPS}", "watch.checkpoint_every=1000"]
    child = start(words(pictures, tmp_path, *changes))
    wait_for_step(child, tmp_path, 3)
    child.send_signal(signal.SIGINT)
    out, said = child.communicate()
    assert child.returncode == 130
    assert out == ""
    assert "run the same command again to go on" in said
    assert "Traceback" not in said
    stopped = steps_logged(tmp_path)
    again = start(words(pictures, tmp_path, *changes))
    _, said = again.communicate()
    assert again.returncode == 0, said
    assert 3 <= stopped < STEPS
    assert losses(tmp_path) == pytest.approx(uninterrupted, abs=1e-5)


def test_two_processes_train_as_one(pictures: Path, tmp_path: Path) -> None:
    # Frozen statistics: what a normalisation sees of a batch would differ by the way it is parted.
    changes = ["loop.steps=4", "network.freeze_batchnorm=true", "data.protect_duplicates=off"]
    alone = run_training(pictures, tmp_path / "one", tiny(*changes)).losses
    launcher = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        # Takes a port that is free.
        "--standalone",
        "--nproc-per-node",
        "2",
    ]
    child = start(words(pictures, tmp_path, *changes), launcher=[*launcher, "-m", "copylens"])
    _, said = child.communicate()
    assert child.returncode == 0, said
    assert losses(tmp_path) == pytest.approx(alone, rel=1e-3)
    assert (tmp_path / "model" / "model.json").is_file()


def test_the_model_of_a_training_scans_at_once(pictures: Path, tmp_path: Path) -> None:
    child = start([*words(pictures, tmp_path, "loop.steps=2"), "--json"])
    out, said = child.communicate()
    assert child.returncode == 0, said
    document = json.loads(out)
    assert document["output"] == str(tmp_path / "model")
    catalog = ["--catalog", str(tmp_path / "c.db")]
    scan = start(["scan", str(pictures), "--model", str(tmp_path / "model"), "--json", *catalog])
    out, said = scan.communicate()
    assert scan.returncode == 0, said
    assert json.loads(out)["model"]["fingerprint"] == document["model"]["fingerprint"]


def test_a_preview_draws_and_trains_nothing(pictures: Path, tmp_path: Path) -> None:
    child = start(["train", str(pictures), "--preview", str(tmp_path / "sheet.png")])
    out, said = child.communicate()
    assert child.returncode == 0, said
    assert "Written:" in out
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")
    assert not list(tmp_path.glob(f"**/{FILE}"))


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        ([], "Say where the model goes: --output DIR"),
        (["--output", "m", "--recipe", "cpu-smok"], "did you mean cpu-smoke"),
        (["--output", "m", "--set", "loss.temperatur=1"], "did you mean 'temperature'"),
        (["--output", "m", "--set", "loop.batch=1"], "a batch of one has no negatives"),
        (["--output", "m", "--exam", "nowhere"], "nowhere"),
    ],
)
def test_wrong_words_are_one_sentence(
    pictures: Path, extra: list[str], sentence: str, tmp_path: Path
) -> None:
    child = start(["train", str(pictures), *extra])
    out, said = child.communicate()
    assert child.returncode == 2
    assert out == ""
    assert sentence in said
    assert "Traceback" not in said
