"""A browser and the reports that several tests look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from copylens.evaluation.results import Evaluation
from copylens.records import Findings
from copylens.reports import write
from evaluation_pages import three_systems, written
from headless_chromium import launched
from report_findings import many_groups, photo_findings, photo_thumbnail, tiny_picture
from report_pages import MANY


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with launched() as running:
        yield running


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photos") / "report.html"
    write(photo_findings(), path, thumbnail=photo_thumbnail)
    return path


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("many") / "report.html"
    write(many_groups(MANY), path, thumbnail=tiny_picture)
    return path


@pytest.fixture
def report(tmp_path: Path) -> Callable[[Findings], Path]:
    def save(findings: Findings) -> Path:
        write(findings, tmp_path / "report.html", thumbnail=tiny_picture)
        return tmp_path / "report.html"

    return save


@pytest.fixture(scope="session")
def three(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return three_systems(tmp_path_factory.mktemp("three"))


@pytest.fixture(scope="session")
def path(three: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of `three`."""
    return written(three, tmp_path_factory.mktemp("page") / "page.html")


@pytest.fixture
def save(tmp_path: Path) -> Callable[[Evaluation], Path]:
    return lambda evaluation: written(evaluation, tmp_path / "page.html")
