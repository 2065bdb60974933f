"""Which model and which catalog a command uses, from options and from the environment; two models never meet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from copylens_process import CopyLens, Ran, described_in
from generated_pictures import write_pictures
from small_models import SmallNetwork

Run: TypeAlias = Callable[..., Ran]


@pytest.fixture(scope="module")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of another package."""
    return SmallNetwork().package(tmp_path_factory.mktemp("packages") / "small").directory


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    write_pictures(tmp_path / "pictures", 3)
    return tmp_path / "pictures"


def test_the_option_goes_before_the_environment(run_here: Run, pictures: Path, other_model: Path) -> None:
    names = [
        run_here("scan", str(pictures), *more, "--json").document()["model"]["name"]
        for more in ((), ("--model", str(other_model)))
    ]
    assert names == ["thumbnail", "small"]


def test_without_any_the_bundled_default_is_used(tmp_path: Path, pictures: Path) -> None:
    document = CopyLens(tmp_path).scan(pictures)
    assert document["model"]["name"] == "copylens-small"


def test_a_model_is_found_by_name_in_the_models_folder(
    run_here: Run, copylens: CopyLens, pictures: Path, other_model: Path
) -> None:
    (copylens.home / "models").mkdir()
    (copylens.home / "models" / "mine").symlink_to(other_model)
    assert run_here("scan", str(pictures), "--model", "small").status == 0
    assert "did you mean 'small'?" in run_here("scan", str(pictures), "--model", "smal").sentence()


def test_a_damaged_model_says_what_to_do(
    run_here: Run, pictures: Path, other_model: Path, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "model.json").write_bytes((other_model / "model.json").read_bytes())
    ran = run_here("scan", str(pictures), "--model", str(damaged))
    assert (ran.status, "model.onnx is missing" in ran.sentence()) == (1, True)
    (damaged / "model.onnx").write_bytes(b"nothing")
    ran = run_here("scan", str(pictures), "--model", str(damaged))
    assert ran.status == 1
    assert f"{damaged / 'model.onnx'} is not the file that its model.json names" in ran.sentence()


def test_default_catalogs_of_two_models_lie_apart(
    run_here: Run, copylens: CopyLens, pictures: Path, other_model: Path
) -> None:
    for model in (copylens.model, other_model):
        for described in (3, 0):
            ran = run_here("scan", str(pictures), "--model", str(model), "--json")
            assert ran.document()["summary"]["described"] == described
    assert len(list((copylens.home / "cache").glob("catalog-*.db"))) == 2


def test_the_catalog_is_named_by_option_or_environment(
    copylens: CopyLens, run_here: Run, monkeypatch: pytest.MonkeyPatch, pictures: Path, tmp_path: Path
) -> None:
    monkeypatch.setenv("COPYLENS_CATALOG", str(tmp_path / "a" / "new folder" / "named.db"))
    assert run_here("scan", str(pictures)).status == 0
    assert described_in(tmp_path / "a" / "new folder" / "named.db") == 3
    assert run_here("scan", str(pictures), "--catalog", str(tmp_path / "optional.db")).status == 0
    assert described_in(tmp_path / "optional.db") == 3
    assert not (copylens.home / "cache").exists()


def test_the_catalog_of_another_model_is_refused_with_the_choices(
    run_here: Run, copylens: CopyLens, pictures: Path, other_model: Path, tmp_path: Path
) -> None:
    catalog = tmp_path / "named.db"
    words = ["scan", str(pictures), "--catalog", str(catalog)]
    assert run_here(*words).status == 0
    before = catalog.read_bytes()
    ran = run_here(*words, "--model", str(other_model))
    assert ran.status == 1
    said = ran.sentence()
    for part in (
        str(catalog),
        "of the model thumbnail",
        "not of small",
        "--model thumbnail",
        "--catalog",
        "delete",
    ):
        assert part in said
    assert catalog.read_bytes() == before
    assert run_here(*words, "--json").document()["summary"]["described"] == 0


def test_a_file_that_is_no_catalog_stays_as_it_is(run_here: Run, pictures: Path, tmp_path: Path) -> None:
    picture = pictures / "0000.jpg"
    before = picture.read_bytes()
    ran = run_here("scan", str(pictures), "--catalog", str(picture))
    assert ran.status == 1
    assert "is not a catalog but some other file; name another with --catalog" in ran.sentence()
    assert picture.read_bytes() == before
    assert sorted(path.name for path in pictures.iterdir()) == ["0000.jpg", "0001.jpg", "0002.jpg"]
