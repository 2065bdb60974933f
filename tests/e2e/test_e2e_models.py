"""``copylens models``: what is there, what is in it, whether it is sound, and packages made of others' files."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import onnx
import pytest

import copylens as library
from copylens_process import CopyLens, Ran
from generated_pictures import write_pictures
from small_models import SmallNetwork

Run: TypeAlias = Callable[..., Ran]

DEFAULT = "copylens-small"


@pytest.fixture(scope="module")
def onnx_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image model as others publish it: float pixels, channels first."""
    path = tmp_path_factory.mktemp("onnx") / "their-model.v2.onnx"
    onnx.save(SmallNetwork().model("float32"), path)
    return path


def test_list_names_the_default_first_found_and_damaged_ones(run_here: Run, copylens: CopyLens) -> None:
    damaged = copylens.home / "models" / "damaged"
    damaged.mkdir(parents=True)
    (damaged / "model.json").write_text("{")
    (damaged / "model.onnx").write_bytes(b"")
    first, *plugged, last = run_here("models", "list").out.splitlines()
    # Names are padded to the longest, which may be that of another distribution.
    width = max(len(line.split(maxsplit=1)[0]) for line in (first, *plugged, last))
    assert first.startswith(f"{'damaged':{width}}  cannot be used: ")
    assert last == f"{DEFAULT:{width}}  version 1, 512 dimensions, bundled, the default"
    listed = run_here("models", "list", "--json").document()
    assert (listed["version"], listed["default"]) == (1, DEFAULT)
    found = [(model["name"], model["origin"], bool(model["problem"])) for model in listed["models"]]
    assert (found[0], found[-1]) == (("damaged", "user", True), (DEFAULT, "bundled", False))
    # Other distributions may have brought models into this environment.
    assert [origin for _, origin, _ in found[1:-1]] == ["entry point"] * len(plugged)


def test_show_prints_the_card(run_here: Run) -> None:
    card = run_here("models", "show", DEFAULT, "--json").document()
    shown = run_here("models", "show", DEFAULT).out
    lines = dict(line.split(None, 1) for line in shown.splitlines())
    assert lines["fingerprint"] == card["fingerprint"]
    assert lines["descriptor"] == f"{card['dims']} dimensions"
    assert lines["licence"] == card["licence"] == "Apache-2.0"
    assert lines["threshold"].startswith(f"{card['calibration']['threshold']:.4f} (")
    assert json.loads((Path(lines["directory"]) / "model.json").read_text()) == card


def test_verify_checks_the_golden_descriptors_of_the_default(run_here: Run) -> None:
    ran = run_here("models", "verify", DEFAULT)
    assert (ran.status, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[-1] == "All checks passed."
    assert all(line.startswith("ok      ") for line in lines[:-1])
    assert sum("golden" in line for line in lines) >= 4
    report = run_here("models", "verify", DEFAULT, "--json").document()
    assert len(report["checks"]) == len(lines) - 1


def test_verify_finds_a_file_that_is_not_the_cards(run_here: Run, tmp_path: Path) -> None:
    package = SmallNetwork().package(tmp_path / "package")
    onnx.save(SmallNetwork(seed=1).model(), package.onnx_path)
    ran = run_here("models", "verify", str(package.directory))
    assert (ran.status, ran.err) == (1, "")
    lines = ran.out.splitlines()
    assert lines[0].startswith("FAILED  digest: ")
    assert lines[-1] == "1 of 5 checks failed."
    assert run_here("models", "verify", str(package.directory), "--json").status == 1


def test_an_onnx_model_is_imported_and_used_by_its_name(
    run_here: Run, copylens: CopyLens, onnx_file: Path
) -> None:
    ran = run_here("models", "import", str(onnx_file), "--threshold", "0.97", "--licence", "MIT")
    place = copylens.home / "models" / "their-model"
    assert (ran.status, ran.err) == (0, "")
    first, second, third = ran.out.splitlines()
    assert first.startswith("their-model: 16 dimensions, fingerprint ")
    assert first.endswith(f", in {place}")
    assert second == "Images are copies from a score of 0.97 (threshold given at import)."
    assert third == "Use it with: copylens scan PATH --model their-model"
    assert run_here("models", "verify", "their-model").status == 0
    card = run_here("models", "show", "their-model", "--json").document()
    assert (card["licence"], card["calibration"]["threshold"]) == ("MIT", 0.97)
    write_pictures(copylens.home / "pictures", 3)
    document = run_here("scan", "pictures", "--model", "their-model", "--json").document()
    assert (document["model"]["name"], document["threshold"]) == ("their-model", 0.97)
    assert document["summary"]["described"] == 3


def test_an_import_elsewhere_says_the_directory_to_use(
    run_here: Run, onnx_file: Path, tmp_path: Path
) -> None:
    place = tmp_path / "a place"
    ran = run_here("models", "import", str(onnx_file), "--name", "mine", "--output", str(place))
    assert ran.out.splitlines()[1:] == [
        "Images are copies from a score of 0.75 (threshold not measured for this model).",
        f"Use it with: copylens scan PATH --model '{place}'",
    ]
    assert library.load_model(place).identity.name == "mine"


def test_a_package_is_called_as_its_file_as_far_as_names_go(
    run_here: Run, onnx_file: Path, tmp_path: Path
) -> None:
    for name, called in (("Their model (2).v1.onnx", "Their-model-2"), ("модель.onnx", "model")):
        (tmp_path / name).write_bytes(onnx_file.read_bytes())
        ran = run_here("models", "import", str(tmp_path / name))
        assert (ran.status, ran.out.split(":")[0]) == (0, called)


def test_a_package_is_replaced_on_demand_only(run_here: Run, copylens: CopyLens, onnx_file: Path) -> None:
    words = ("models", "import", str(onnx_file), "--name", "one")
    assert run_here(*words).status == 0
    card = copylens.home / "models" / "one" / "model.json"
    before = card.read_bytes()
    ran = run_here(*words, "--threshold", "0.5")
    assert ran.status == 1
    assert f"{card.parent} already exists" in ran.sentence()
    assert "(--overwrite)" in ran.sentence()
    assert card.read_bytes() == before
    assert run_here(*words, "--threshold", "0.5", "--overwrite").status == 0
    assert card.read_bytes() != before
    assert sorted(path.name for path in card.parent.parent.iterdir()) == ["one"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("bad.onnx", b"nothing", "bad.onnx is not an ONNX file"),
        ("bad.torchscript.pt", b"nothing", "bad.torchscript.pt is not a readable PyTorch file"),
        ("good.onnx", None, "name 'a/b' must be letters, digits"),
    ],
)
def test_what_cannot_be_imported_leaves_nothing(
    run_here: Run,
    copylens: CopyLens,
    onnx_file: Path,
    tmp_path: Path,
    name: str,
    content: bytes | None,
    says: str,
) -> None:
    (tmp_path / name).write_bytes(onnx_file.read_bytes() if content is None else content)
    ran = run_here("models", "import", str(tmp_path / name), "--name", "a/b")
    assert ran.status == 1
    assert says in ran.sentence()
    assert not (copylens.home / "models").exists() or not list((copylens.home / "models").iterdir())


def test_a_file_of_metas_structure_is_imported(run_here: Run, copylens: CopyLens, tmp_path: Path) -> None:
    from meta_sscd_files import write_torchscript

    file = tmp_path / "sscd_test.torchscript.pt"
    write_torchscript(file)
    ran = run_here("models", "import", str(file), "--input-size", "64")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("sscd_test: 16 dimensions, ")
    write_pictures(copylens.home / "pictures", 2)
    assert run_here("scan", "pictures", "--model", "sscd_test", "--json").document()["summary"]["images"] == 2


@pytest.mark.skipif(sys.platform == "win32", reason="needs a port that refuses")
def test_pull_without_a_network_says_what_to_do_by_hand(copylens: CopyLens) -> None:
    # Nothing listens on port 9, so the answer does not depend on the network of the tests.
    proxies = dict.fromkeys(("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"), "http://127.0.0.1:9")
    offline = copylens.with_variables(
        {**proxies, "no_proxy": "", "NO_PROXY": "", "TMPDIR": str(copylens.home)}
    )
    ran = offline.run("models", "pull", "sscd_disc_mixup")
    assert ran.status == 1
    said = ran.sentence()
    assert "sscd_disc_mixup.torchscript.pt cannot be reached" in said
    assert "by hand" in said
    assert "copylens models import" in said
    assert list(copylens.home.iterdir()) == []


def test_pull_of_an_unknown_name_lists_the_known(run_here: Run) -> None:
    ran = run_here("models", "pull", "sscd_disc_mixin")
    assert ran.status == 1
    assert "did you mean 'sscd_disc_mixup'?" in ran.sentence()
