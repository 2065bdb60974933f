"""The distribution of ``copylens-base`` as a user has it: its wheel built, installed, found, verified, scanning."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from copylens.models import DEFAULT_MODEL
from copylens.version import __version__
from copylens_process import CopyLens
from generated_pictures import write_pictures

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "packages" / "copylens-model-base"
MODULE = "src/copylens_model_base"
NAME = "copylens-base"
MAX_BYTES = 60_000_000


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the distribution, with things beside the model that are nobody's business."""
    copied = tmp_path_factory.mktemp("project") / PROJECT.name
    shutil.copytree(PROJECT, copied, ignore=shutil.ignore_patterns("__pycache__", "dist"))
    model = copied / MODULE / NAME
    (model / "notes.txt").write_text("mine")
    (copied / MODULE / f"{NAME}.run").mkdir()
    (copied / MODULE / f"{NAME}.run" / "checkpoint.py").write_text("")
    return copied


@pytest.fixture(scope="module")
def wheel(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``pip wheel`` builds of it, by the same backend and without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    run("hatchling", "build", "--target", "wheel", "--directory", str(folder), folder=project)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for Python's path into which the wheel is installed."""
    folder = tmp_path_factory.mktemp("site")
    quiet = ("--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--no-compile")
    run("pip", "install", *quiet, "--target", str(folder), str(wheel), folder=folder)
    return folder


@pytest.fixture
def user(site: Path, tmp_path: Path) -> CopyLens:
    """Somebody who has installed it."""
    return CopyLens(tmp_path, variables={"PYTHONPATH": str(site)})


def run(*words: str, folder: Path) -> None:
    done = subprocess.run([sys.executable, "-m", *words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


def test_the_wheel_holds_the_model_its_licences_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    about = "copylens_model_base-{}.dist-info".format(metadata(wheel)["Version"])
    assert {name for name in names if not name.startswith(about)} == {
        "copylens_model_base/__init__.py",
        f"copylens_model_base/{NAME}/model.json",
        f"copylens_model_base/{NAME}/model.onnx",
    }
    assert {f"{about}/licenses/LICENSE", f"{about}/licenses/NOTICE"} <= names
    assert wheel.stat().st_size <= MAX_BYTES


def test_it_needs_copylens_alone_and_this_version_will_do(wheel: Path) -> None:
    about = metadata(wheel)
    assert (about["Name"], about["License-Expression"]) == ("copylens-model-base", "Apache-2.0")
    (needed,) = map(Requirement, about.get_all("Requires-Dist", []))
    assert (needed.name, needed.marker) == ("copylens", None)
    assert __version__ in needed.specifier
    assert about["Requires-Python"] == "<3.14,>=3.11"


def test_its_licence_is_that_of_the_project() -> None:
    assert (PROJECT / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_an_sdist_builds_the_same_wheel(project: Path, wheel: Path, tmp_path: Path) -> None:
    run("hatchling", "build", "--target", "sdist", "--directory", str(tmp_path / "sdist"), folder=project)
    (archive,) = (tmp_path / "sdist").iterdir()
    shutil.unpack_archive(archive, tmp_path, filter="data")
    unpacked = tmp_path / archive.name.removesuffix(".tar.gz")
    assert not list(unpacked.rglob("*.txt"))
    run("hatchling", "build", "--target", "wheel", "--directory", str(tmp_path / "wheel"), folder=unpacked)
    (again,) = (tmp_path / "wheel").iterdir()
    assert again.read_bytes() == wheel.read_bytes()


def test_it_is_listed_beside_the_default(user: CopyLens, site: Path) -> None:
    listed = user.run("models", "list", "--json").document()
    (model,) = (model for model in listed["models"] if model["name"] == NAME)
    assert (model["origin"], model["problem"]) == ("entry point", "")
    assert Path(model["directory"]) == site / "copylens_model_base" / NAME
    assert listed["default"] == DEFAULT_MODEL


def test_it_is_verified_by_its_name(user: CopyLens) -> None:
    ran = user.run("models", "verify", NAME)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines()[-1] == "All checks passed."


def test_it_scans(user: CopyLens) -> None:
    picture, *_ = write_pictures(user.home / "pictures", 2)
    shutil.copy(picture, picture.with_stem("again"))
    document = user.scan("pictures", "--model", NAME)
    assert document["model"]["name"] == NAME
    assert document["summary"]["described"] == 2
    assert len(document["groups"]) >= 1
