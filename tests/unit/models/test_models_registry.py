"""Names to directories: the order of the places, damaged packages, and what an unknown name says."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from copylens.errors import ModelError
from copylens.models import DEFAULT_MODEL, find_model, list_models, models_directory, registry
from copylens.models.registry import bundled_directory
from small_models import SmallNetwork

Put = Callable[..., Path]


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """An empty user's folder, an empty bundle, no entry points."""
    folders = {name: tmp_path / name for name in ("user", "bundled")}
    monkeypatch.setenv("COPYLENS_MODELS_DIR", str(folders["user"]))
    monkeypatch.setattr(registry, "bundled_directory", lambda: folders["bundled"])
    monkeypatch.setattr(registry, "entry_points", lambda **_: [])
    monkeypatch.chdir(tmp_path)
    return folders


def put(folder: Path, name: str, directory: str | None = None) -> Path:
    return SmallNetwork().package(folder / (directory or name), name=name).directory


def test_nothing_is_installed(places: dict[str, Path]) -> None:
    assert list_models() == []
    with pytest.raises(ModelError, match=rf"no model '{DEFAULT_MODEL}'.*Installed models: none"):
        find_model()


def test_the_default_is_bundled(places: dict[str, Path]) -> None:
    directory = put(places["bundled"], DEFAULT_MODEL)
    assert find_model() == find_model(DEFAULT_MODEL) == directory


def test_the_users_package_comes_before_a_bundled_one(places: dict[str, Path]) -> None:
    bundled = put(places["bundled"], "twin")
    assert find_model("twin") == bundled
    own = put(places["user"], "twin")
    assert find_model("twin") == own
    assert [(m.name, m.origin) for m in list_models()] == [("twin", "user"), ("twin", "bundled")]


def test_the_name_in_the_card_counts_and_not_the_folder(places: dict[str, Path]) -> None:
    directory = put(places["user"], "real", directory="renamed")
    assert find_model("real") == directory
    with pytest.raises(ModelError, match="no model 'renamed'"):
        find_model("renamed")


def test_a_directory_is_taken_as_it_is(places: dict[str, Path], tmp_path: Path) -> None:
    directory = put(tmp_path, "loose")
    assert find_model(directory) == directory
    assert find_model("loose") == Path("loose")


def test_a_directory_called_as_the_default_is_not_taken_for_it(
    places: dict[str, Path], tmp_path: Path
) -> None:
    bundled = put(places["bundled"], DEFAULT_MODEL)
    put(tmp_path, DEFAULT_MODEL)
    assert find_model() == bundled
    assert find_model(DEFAULT_MODEL) == Path(DEFAULT_MODEL)


def test_a_directory_without_a_package_says_so(places: dict[str, Path], tmp_path: Path) -> None:
    for wrong in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ModelError, match=r"not a model package: it has no model\.json"):
            find_model(wrong)


def test_an_unknown_name_gets_the_nearest_and_the_known(places: dict[str, Path]) -> None:
    put(places["user"], "alpha")
    put(places["bundled"], "beta")
    with pytest.raises(ModelError, match=r"no model 'alpa'; did you mean 'alpha'.*alpha, beta"):
        find_model("alpa")


def test_a_listed_model_says_what_it_is(places: dict[str, Path]) -> None:
    directory = put(places["user"], "one")
    (model,) = list_models()
    assert (model.name, model.version, model.dims) == ("one", "1", 16)
    assert (model.directory, model.origin, model.problem) == (directory, "user", "")


def test_a_damaged_package_is_listed_with_its_problem(places: dict[str, Path]) -> None:
    directory = put(places["user"], "broken")
    (directory / "model.onnx").unlink()
    (model,) = list_models()
    assert (model.name, model.dims) == ("broken", 0)
    assert "model.onnx is missing" in model.problem
    with pytest.raises(ModelError, match=r"'broken' cannot be used: .*model\.onnx is missing"):
        find_model("broken")


def test_files_and_hidden_folders_are_no_models(places: dict[str, Path]) -> None:
    put(places["user"], "half", directory=".half.new")
    (places["user"] / "notes.txt").write_text("mine")
    (places["user"] / "empty").mkdir()
    assert list_models() == []


@pytest.fixture
def plugin(places: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EntryPoint:
    """Another distribution whose module lies beside its model."""
    package = put(tmp_path / "site", "plugged", directory="plugged_model")
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    point = EntryPoint("plugged", "plugged_model", registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda **_: [point])
    monkeypatch.delitem(sys.modules, "plugged_model", raising=False)
    return point


def test_another_distribution_provides_a_model(plugin: EntryPoint, tmp_path: Path) -> None:
    assert find_model("plugged") == tmp_path / "site" / "plugged_model"
    assert [(m.name, m.origin) for m in list_models()] == [("plugged", "entry point")]


def test_another_distribution_may_say_where_its_model_is(plugin: EntryPoint, tmp_path: Path) -> None:
    elsewhere = put(tmp_path / "elsewhere", "plugged")
    module = tmp_path / "site" / "plugged_model" / "__init__.py"
    module.write_text(f"def path():\n    return {str(elsewhere)!r}\n")
    assert find_model("plugged") == elsewhere


def test_a_name_found_at_the_user_does_not_import_plugins(
    plugin: EntryPoint, places: dict[str, Path]
) -> None:
    put(places["user"], "own")
    find_model("own")
    put(places["bundled"], "ours")
    find_model("ours")
    assert "plugged_model" not in sys.modules


def test_a_plugin_that_fails_is_listed_and_the_others_work(
    places: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    point = EntryPoint("bad", "no_such_module_anywhere", registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda **_: [point])
    put(places["bundled"], "good")
    assert [bool(m.problem) for m in list_models()] == [True, False]
    with pytest.raises(ModelError, match=r"'bad' cannot be used: no_such_module_anywhere cannot be imported"):
        find_model("bad")


def test_the_models_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COPYLENS_MODELS_DIR", str(tmp_path))
    assert models_directory() == tmp_path
    monkeypatch.delenv("COPYLENS_MODELS_DIR")
    assert models_directory().parts[-2:] == ("copylens", "models")


def test_the_bundle_lies_beside_this_room() -> None:
    assert bundled_directory() == Path(registry.__file__).parent / "bundled"
