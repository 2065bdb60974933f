"""What callers may choose: how it is written, what is refused, and where things are kept by default."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from copylens.errors import UsageError
from copylens.images import IMAGE_EXTENSIONS
from copylens.matching import KeepRules
from copylens.workflows.settings import (
    DEFAULT_KEEP,
    STAGES,
    FileSettings,
    ModelSettings,
    check_threshold,
    default_catalog,
    path_list,
    silent,
)


def parse(**options: Any) -> FileSettings:
    return FileSettings.parse(
        **{"extensions": None, "exclude": None, "hidden": False, "workers": None, **options}
    )


def test_nothing_chosen_is_the_default() -> None:
    assert parse() == FileSettings()
    assert FileSettings() == FileSettings(extensions=None, exclude=(), hidden=False, workers=None)
    model = ModelSettings()
    assert (model.model, model.device, model.engine) == (None, "auto", "auto")
    assert (model.precision, model.threads) == ("float32", None)


@pytest.mark.parametrize("written", ["jpg,.PNG, *.webp", ["jpg", "PNG", ".webp"], ("webp", "png", "jpg")])
def test_extensions_are_text_or_a_list(written: Any) -> None:
    assert parse(extensions=written).extensions == ("jpg", "png", "webp")
    assert IMAGE_EXTENSIONS.issuperset(parse(extensions=written).extensions or ())


@pytest.mark.parametrize("written", ["", ",", [], [""], "tar.gz", ["a/b"]])
def test_extensions_that_cannot_be_meant_are_refused(written: Any) -> None:
    with pytest.raises(UsageError, match="--extensions"):
        parse(extensions=written)


def test_one_pattern_is_not_a_list_of_letters() -> None:
    assert parse(exclude="*.png").exclude == ("*.png",)
    assert parse(exclude=["a*", "b"]).exclude == ("a*", "b")
    assert parse(exclude=[]).exclude == ()


def test_what_else_is_chosen_is_kept() -> None:
    assert parse(hidden=True, workers=3) == FileSettings(hidden=True, workers=3)


@pytest.mark.parametrize("workers", [0, -1])
def test_there_is_at_least_one_worker(workers: int) -> None:
    with pytest.raises(UsageError, match=f"--workers must be at least 1, got {workers}"):
        FileSettings(workers=workers)
    with pytest.raises(UsageError, match="--workers"):
        parse(workers=workers)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        FileSettings().hidden = True  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        ModelSettings().model = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a", ["a"]),
        (Path("a/b"), ["a/b"]),
        (["a", Path("b")], ["a", "b"]),
        (("a",), ["a"]),
        ("ab\udcff", ["ab\udcff"]),
    ],
)
def test_paths_are_one_or_several(given: Any, expected: list[str]) -> None:
    assert path_list(given) == expected


def test_no_path_is_refused() -> None:
    with pytest.raises(UsageError, match="No path given"):
        path_list([])


@pytest.mark.parametrize("threshold", [-1, 0, 0.5, 1])
def test_a_threshold_that_scores_can_reach_is_taken(threshold: float) -> None:
    assert check_threshold(threshold) == threshold


@pytest.mark.parametrize("threshold", [math.nan, math.inf, 1.0001, -1.0001, 75])
def test_a_threshold_that_no_score_can_reach_is_refused(threshold: float) -> None:
    with pytest.raises(UsageError, match=f"threshold of {threshold} is no score"):
        check_threshold(threshold)


def test_the_default_catalog_is_one_per_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COPYLENS_CACHE_DIR", str(tmp_path))
    assert default_catalog("0123") == tmp_path / "catalog-0123.db"
    users = Path(platformdirs.user_cache_dir("copylens", appauthor=False)) / "catalog-0123.db"
    monkeypatch.setenv("COPYLENS_CACHE_DIR", "")
    assert default_catalog("0123") == users
    monkeypatch.delenv("COPYLENS_CACHE_DIR")
    assert default_catalog("0123") == users


def test_the_default_rules_are_rules() -> None:
    assert KeepRules.parse(DEFAULT_KEEP).names == ("resolution", "bytes", "format", "oldest")


def test_every_stage_has_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    for stage, words in STAGES.items():
        assert words[0].isupper()
        silent(stage, 1, None)
    assert capsys.readouterr() == ("", "")
