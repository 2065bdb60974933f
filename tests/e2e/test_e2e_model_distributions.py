"""The distributions of further models as a user has them: wheels built, installed, found, verified, scanning."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Distribution:
    """One of the folders of ``packages``: its module's files beside the models, its models, and how large it may be."""

    name: str
    files: tuple[str, ...]
    models: tuple[str, ...]
    max_bytes: int

    @property
    def folder(self) -> Path:
        return ROOT / "packages" / self.name

    @property
    def module(self) -> str:
        return self.name.replace("-", "_")


DISTRIBUTIONS = (
    Distribution("copylens-model-base", ("__init__.py",), ("copylens-base",), 60_000_000),
    Distribution(
        "copylens-model-int8",
        ("__init__.py", "base.py", "small.py"),
        ("copylens-base-int8", "copylens-small-int8"),
        28_000_000,
    ),
)


def test_every_folder_of_packages_is_tested() -> None:
    assert {distribution.folder for distribution in DISTRIBUTIONS} == set((ROOT / "packages").iterdir())


@pytest.fixture(scope="module", params=DISTRIBUTIONS, ids=lambda distribution: distribution.name)
def distribution(request: pytest.FixtureRequest) -> Distribution:
    chosen: Distribution = request.param
    return chosen


@pytest.fixture(scope="module")
def project(distribution: Distribution, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the distribution, with things beside the model that are nobody's business."""
    copied = tmp_path_factory.mktemp("project") / distribution.name
    shutil.copytree(distribution.folder, copied, ignore=shutil.ignore_patterns("__pycache__", "dist"))
    module = copied / "src" / distribution.module
    (module / distribution.models[0] / "notes.txt").write_text("mine")
    run = module / f"{distribution.models[0]}.run"
    run.mkdir()
    (run / "checkpoint.py").write_text("")
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


def test_the_wheel_holds_the_models_its_licences_and_nothing_else(
    distribution: Distribution, wheel: Path
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    about = f"{distribution.module}-{metadata(wheel)['Version']}.dist-info"
    models = {f"{model}/{file}" for model in distribution.models for file in ("model.json", "model.onnx")}
    expected = {f"{distribution.module}/{file}" for file in models.union(distribution.files)}
    assert {name for name in names if not name.startswith(about)} == expected
    assert {f"{about}/licenses/LICENSE", f"{about}/licenses/NOTICE"} <= names
    assert wheel.stat().st_size <= distribution.max_bytes


def test_it_needs_copylens_alone_and_this_version_will_do(distribution: Distribution, wheel: Path) -> None:
    about = metadata(wheel)
    assert (about["Name"], about["License-Expression"]) == (distribution.name, "Apache-2.0")
    (needed,) = map(Requirement, about.get_all("Requires-Dist", []))
    assert (needed.name, needed.marker) == ("copylens", None)
    assert __version__ in needed.specifier
    assert about["Requires-Python"] == "<3.14,>=3.11"


def test_its_licence_is_that_of_the_project(distribution: Distribution) -> None:
    assert (distribution.folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_an_sdist_builds_the_same_wheel(project: Path, wheel: Path, tmp_path: Path) -> None:
    run("hatchling", "build", "--target", "sdist", "--directory", str(tmp_path / "sdist"), folder=project)
    (archive,) = (tmp_path / "sdist").iterdir()
    shutil.unpack_archive(archive, tmp_path, filter="data")
    unpacked = tmp_path / archive.name.removesuffix(".tar.gz")
    assert not list(unpacked.rglob("*.txt"))
    run("hatchling", "build", "--target", "wheel", "--directory", str(tmp_path / "wheel"), folder=unpacked)
    (again,) = (tmp_path / "wheel").iterdir()
    assert again.read_bytes() == wheel.read_bytes()


def test_its_models_are_listed_beside_the_default(
    distribution: Distribution, user: CopyLens, site: Path
) -> None:
    document = user.run("models", "list", "--json").document()
    listed = {model["name"]: model for model in document["models"]}
    for name in distribution.models:
        assert (listed[name]["origin"], listed[name]["problem"]) == ("entry point", "")
        assert Path(listed[name]["directory"]) == site / distribution.module / name
    assert document["default"] == DEFAULT_MODEL


def test_they_are_verified_by_their_names(distribution: Distribution, user: CopyLens) -> None:
    for name in distribution.models:
        ran = user.run("models", "verify", name)
        assert (ran.status, ran.err) == (0, "")
        assert ran.out.splitlines()[-1] == "All checks passed."


def test_their_thresholds_were_measured_on_themselves(distribution: Distribution, user: CopyLens) -> None:
    for name in distribution.models:
        calibration = user.run("models", "show", name, "--json").document()["calibration"]
        assert calibration["false_matches_per_million_pairs"] == 3
        assert set(calibration["views"]) == {"fast", "balanced", "thorough"}


def test_they_scan(distribution: Distribution, user: CopyLens) -> None:
    picture, *_ = write_pictures(user.home / "pictures", 2)
    shutil.copy(picture, picture.with_stem("again"))
    for name in distribution.models:
        document = user.scan("pictures", "--model", name)
        assert document["model"]["name"] == name
        assert document["summary"]["described"] == 2
        assert len(document["groups"]) >= 1
