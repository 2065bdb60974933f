"""The command with places of its own, on a model that starts quickly."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from copylens.cli.main import main
from copylens_process import CopyLens, Ran
from generated_pictures import Gallery, add_copies, write_pictures
from thumbnail_model import write_thumbnail_model


@pytest.fixture(scope="session")
def thumbnail_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a model package that forgives a new size or compression."""
    return write_thumbnail_model(tmp_path_factory.mktemp("models") / "thumbnail").directory


@pytest.fixture
def copylens(tmp_path: Path, thumbnail_package: Path) -> CopyLens:
    """The command with the quick model."""
    return CopyLens(tmp_path, thumbnail_package)


@pytest.fixture
def run_here(
    copylens: CopyLens, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    """`CopyLens.run` within this process, for tests of many command lines: starting Python takes longest."""
    for key in os.environ.keys() - copylens.environment.keys():
        monkeypatch.delenv(key)
    for key, value in copylens.environment.items():
        monkeypatch.setenv(key, value)
    monkeypatch.chdir(copylens.folder or copylens.home)

    def run(*words: str) -> Ran:
        monkeypatch.setattr("sys.argv", ["copylens", *words])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        assert isinstance(stop.value.code, int)
        return Ran(stop.value.code, *capfd.readouterr())

    return run


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory, thumbnail_package: Path) -> Gallery:
    """Some hundred pictures that take a while to decode, and copies of some of them."""
    home = tmp_path_factory.mktemp("gallery")
    originals = write_pictures(home / "pictures" / "originals", 200, size=(400, 300), suffix="png")
    add_copies(home / "pictures" / "copies", originals[::25])
    document = CopyLens(home, thumbnail_package).scan(home / "pictures")
    return Gallery(home / "pictures", document)
