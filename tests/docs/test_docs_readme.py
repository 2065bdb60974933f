"""The README, run as it is written: its commands, its Python, its links, the extras and targets that it names."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PHOTOS = ROOT / "examples" / "photos"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    lines = "".join(blocks("sh")).splitlines()
    return [re.sub(r"\s+#.*", "", line) for line in lines if line.startswith("copylens ")]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the names that the README uses, and some pictures under each."""
    home = tmp_path_factory.mktemp("readme")
    for name in ("originals", "phone"):
        shutil.copytree(PHOTOS / name, home / "photos" / name)
    shutil.copytree(PHOTOS / "edits", home / "new")
    shutil.copy(PHOTOS / "originals" / "owl.jpg", home / "a.jpg")
    shutil.copy(PHOTOS / "edits" / "owl-night.jpg", home / "b.jpg")
    return home


def environment(home: Path) -> dict[str, str]:
    places = {"COPYLENS_CACHE_DIR": str(home / "cache"), "COPYLENS_MODELS_DIR": str(home / "models")}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, **places, "PATH": path}


def run(command: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=home, env=environment(home), capture_output=True, text=True, check=False
    )


def test_there_are_commands_to_run() -> None:
    assert len(commands()) >= 8
    assert any(line.startswith("copylens scan") for line in commands())


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_readme_works_as_written(command: str, home: Path) -> None:
    done = run(["bash", "-c", command], home)
    assert done.returncode == 0, done.stderr
    for name in re.findall(r"(?:>|--html|--output) (\S+)", command):
        assert (home / name).exists(), name


def test_the_python_of_the_readme_works_as_written(home: Path) -> None:
    (program,) = blocks("python")
    done = run([sys.executable, "-W", "error", "-c", program], home)
    assert done.returncode == 0, done.stderr
    assert "bytes could be freed" in done.stdout
    score, threshold = re.findall(r"score (\S+) threshold (\S+)", done.stdout)[0]
    assert float(score) >= float(threshold)


def test_the_example_program_runs_on_the_bundled_photographs(home: Path) -> None:
    program = ROOT / "examples" / "library.py"
    done = run([sys.executable, "-W", "error", str(program), str(home / "photos")], home)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^is a copy: True", done.stdout, re.MULTILINE)


def test_every_link_and_picture_is_there() -> None:
    places = re.findall(r"\]\(([^)#]+)\)", README)
    assert len(places) >= 6
    for place in places:
        assert place.startswith("https://") or (ROOT / place).exists(), place


def test_every_target_and_extra_that_it_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"(?:^|`)make (\w+)", README, re.MULTILINE)
    assert {"demo", "test"} <= set(targets)
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    with (ROOT / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    (sentence,) = re.findall(r"Optional packages:(.*?)\n\n", README, re.DOTALL)
    named = [name.strip(".[]'") for name in re.findall(r"`(?:pip install '\.\[)?(\w+)(?:\]')?`", sentence)]
    assert named
    assert set(named) <= set(extras)


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert "make test" in README
    assert re.search(r"^make test$", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)
