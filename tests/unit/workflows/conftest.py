"""A small model, an empty catalog for it, and an empty folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from copylens.catalog import Catalog
from workflow_samples import SmallModel


@pytest.fixture(scope="session")
def shared_model(tmp_path_factory: pytest.TempPathFactory) -> SmallModel:
    return SmallModel(tmp_path_factory.mktemp("model"))


@pytest.fixture
def model(shared_model: SmallModel) -> SmallModel:
    shared_model.take_pictures()
    shared_model.engine.failing = ()
    return shared_model


@pytest.fixture
def catalog(model: SmallModel, tmp_path: Path) -> Iterator[Catalog]:
    with model.catalog(str(tmp_path / "catalog.db")) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    return tmp_path / "photos"


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read from or written to the folders of whoever runs the tests."""
    monkeypatch.setenv("COPYLENS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("COPYLENS_MODELS_DIR", str(tmp_path / "models"))
