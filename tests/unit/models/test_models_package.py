"""Model packages on disk: what is written is read back; what contradicts itself is refused with a reason."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copylens.config import to_mapping
from copylens.errors import ConfigError, ModelError, OutputError
from copylens.models import (
    Calibration,
    Golden,
    ModelPackage,
    Provenance,
    check_graph,
    load_package,
    update_card,
    write_package,
)
from copylens.models.card import card_text, fingerprint_of, parse_card
from copylens.records import InputSpec
from small_models import SmallNetwork

SPEC = InputSpec(height=24, width=20)


def write(directory: Path, **changes: Any) -> ModelPackage:
    values: dict[str, Any] = {
        "onnx_model": b"graph",
        "name": "tiny",
        "version": "1",
        "dims": 3,
        "input": SPEC,
        "calibration": Calibration(threshold=0.7, false_matches_per_million_pairs=2.5, background="noise"),
        "licence": "Apache-2.0",
        "provenance": Provenance(weights="none", sources=("https://example.org/a  [1,  2]",)),
        "golden": (Golden(picture="cat.png", pixels_sha256="0" * 64, descriptor=(0.6, 0.8, 0.0)),),
    }
    return write_package(directory, **{**values, **changes})


def edit(directory: Path, **changes: Any) -> None:
    path = directory / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    written = write(tmp_path / "a" / "tiny")
    assert load_package(tmp_path / "a" / "tiny") == written
    assert written.onnx_path.read_bytes() == b"graph"
    assert written.onnx_sha256 == hashlib.sha256(b"graph").hexdigest()


def test_the_directory_holds_two_files_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    write(tmp_path / "tiny")
    assert sorted(p.name for p in (tmp_path / "tiny").iterdir()) == ["model.json", "model.onnx"]
    assert [p.name for p in tmp_path.iterdir()] == ["tiny"]


def test_a_golden_descriptor_takes_one_line(tmp_path: Path) -> None:
    write(tmp_path / "tiny")
    assert '"descriptor": [ 0.6, 0.8, 0.0 ]' in (tmp_path / "tiny" / "model.json").read_text()


@pytest.mark.parametrize("kind", ["bytes", "path", "proto"])
def test_a_graph_may_be_bytes_a_file_or_a_proto(tmp_path: Path, kind: str) -> None:
    proto = SmallNetwork().model()
    content = proto.SerializeToString(deterministic=True)
    (tmp_path / "graph.onnx").write_bytes(content)
    model = {"bytes": content, "path": tmp_path / "graph.onnx", "proto": proto}[kind]
    assert write(tmp_path / "tiny", onnx_model=model).onnx_path.read_bytes() == content


def test_a_graph_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.onnx"):
        write(tmp_path / "tiny", onnx_model=tmp_path / "none.onnx")
    assert not (tmp_path / "tiny").exists()


def test_the_fingerprint_changes_with_weights_and_input_and_nothing_else(tmp_path: Path) -> None:
    base = write(tmp_path / "base").fingerprint
    assert len(base) == 16
    assert write(tmp_path / "again").fingerprint == base
    assert write(tmp_path / "named", name="other", version="9", licence="MIT", golden=()).fingerprint == base
    assert write(tmp_path / "graph", onnx_model=b"other").fingerprint != base
    changed: list[dict[str, Any]] = [
        {"height": 25},
        {"width": 21},
        {"resize": "crop"},
        {"interpolation": "box"},
        {"dtype": "float32"},
    ]
    others = {fingerprint_of("0" * 64, dataclasses.replace(SPEC, **change)) for change in changed}
    assert len(others | {fingerprint_of("0" * 64, SPEC)}) == len(changed) + 1


def test_a_package_there_is_kept_unless_overwriting_is_allowed(tmp_path: Path) -> None:
    write(tmp_path / "tiny")
    with pytest.raises(OutputError, match="already exists"):
        write(tmp_path / "tiny", onnx_model=b"other")
    assert (tmp_path / "tiny" / "model.onnx").read_bytes() == b"graph"
    (tmp_path / "tiny" / "stray").write_text("left over")
    write(tmp_path / "tiny", onnx_model=b"other", overwrite=True)
    assert load_package(tmp_path / "tiny").onnx_path.read_bytes() == b"other"
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["model.json", "model.onnx", "tiny"]


def test_a_folder_that_is_no_package_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"mine")
    with pytest.raises(OutputError, match="not a model package"):
        write(tmp_path / "photos", overwrite=True)
    assert (tmp_path / "photos" / "a.jpg").read_bytes() == b"mine"


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    assert write(tmp_path / "tiny").name == "tiny"


def test_a_failed_write_leaves_the_old_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "tiny")

    def full(self: Path, *args: Any, **kwargs: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OutputError, match="No space left"):
        write(tmp_path / "tiny", onnx_model=b"other", overwrite=True)
    monkeypatch.undo()
    assert load_package(tmp_path / "tiny").onnx_path.read_bytes() == b"graph"
    assert [p.name for p in tmp_path.iterdir()] == ["tiny"]


@pytest.mark.parametrize("broken", ["fresh", "old"])
def test_a_rename_that_fails_leaves_the_old_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    write(tmp_path / "tiny")
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if (broken == "fresh" and self.suffix == ".new") or (broken == "old" and target.suffix == ".old"):
            raise PermissionError(13, "denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OutputError, match="denied"):
        write(tmp_path / "tiny", onnx_model=b"other", overwrite=True)
    monkeypatch.undo()
    assert load_package(tmp_path / "tiny").onnx_path.read_bytes() == b"graph"
    assert [p.name for p in tmp_path.iterdir()] == ["tiny"]


BAD_VALUES: list[tuple[dict[str, Any], str]] = [
    ({"name": "../up"}, "name"),
    ({"name": ""}, "name"),
    ({"dims": 0, "golden": ()}, "dims"),
    ({"dims": 4}, "golden descriptor of cat.png"),
    ({"input": InputSpec(height=0, width=4)}, "input size 0x4"),
    ({"calibration": Calibration(threshold=1.5)}, "threshold"),
    ({"calibration": Calibration(threshold=float("nan"))}, "threshold"),
    ({"calibration": Calibration(threshold=0.5, false_matches_per_million_pairs=-1)}, "million"),
]


@pytest.mark.parametrize(("changes", "complaint"), BAD_VALUES)
def test_values_that_cannot_be_are_refused(tmp_path: Path, changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ModelError, match=complaint):
        write(tmp_path / "tiny", **changes)
    assert not (tmp_path / "tiny").exists()


def test_missing_parts_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model\.json"):
        load_package(tmp_path)
    write(tmp_path / "tiny").onnx_path.unlink()
    with pytest.raises(ModelError, match=r"model\.onnx is missing"):
        load_package(tmp_path / "tiny")


@pytest.mark.parametrize("text", ["{", "[]", '{"a": \udcff}'])
def test_a_damaged_card_is_refused(tmp_path: Path, text: str) -> None:
    write(tmp_path / "tiny")
    (tmp_path / "tiny" / "model.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ModelError, match="damaged"):
        load_package(tmp_path / "tiny")


def test_an_unknown_key_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path / "tiny")
    edit(tmp_path / "tiny", license="MIT")
    with pytest.raises(ConfigError, match=r"model\.json.*'license'.*'licence'"):
        load_package(tmp_path / "tiny")


def test_a_newer_format_says_upgrade(tmp_path: Path) -> None:
    write(tmp_path / "tiny")
    edit(tmp_path / "tiny", format_version=2, novelty=True)
    with pytest.raises(ModelError, match="pip install --upgrade copylens"):
        load_package(tmp_path / "tiny")


def test_a_fingerprint_that_does_not_follow_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "tiny")
    edit(tmp_path / "tiny", fingerprint="0" * 16)
    with pytest.raises(ModelError, match="does not follow"):
        load_package(tmp_path / "tiny")


def test_update_card_changes_the_card_and_not_the_model(tmp_path: Path) -> None:
    before = write(tmp_path / "tiny")
    after = update_card(before, calibration=Calibration(threshold=0.1), golden=())
    assert load_package(tmp_path / "tiny") == after
    assert (after.calibration.threshold, after.golden) == (0.1, ())
    assert after.fingerprint == before.fingerprint
    assert sorted(p.name for p in (tmp_path / "tiny").iterdir()) == ["model.json", "model.onnx"]


def test_update_card_refuses_to_make_another_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="dims, input cannot change"):
        update_card(write(tmp_path / "tiny"), input=SPEC, dims=3)


def test_update_card_reports_a_folder_it_cannot_write(tmp_path: Path) -> None:
    package = write(tmp_path / "tiny")
    package.onnx_path.unlink()
    (tmp_path / "tiny" / "model.json").unlink()
    (tmp_path / "tiny").rmdir()
    with pytest.raises(OutputError, match=r"model\.json cannot be written"):
        update_card(package, licence="MIT")


@given(
    st.text(min_size=1, max_size=30),
    st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=2),
    st.floats(-1, 1),
)
def test_any_card_survives_its_text(words: str, descriptor: list[float], threshold: float) -> None:
    digest = "ab" * 32
    card = parse_card(
        {
            "format_version": 1,
            "name": "n",
            "version": words,
            "dims": 2,
            "input": to_mapping(SPEC),
            "calibration": {"threshold": threshold, "background": words},
            "licence": words,
            "provenance": {"weights": words, "sources": [words, words]},
            "golden": [{"picture": words, "pixels_sha256": "", "descriptor": descriptor}],
            "fingerprint": fingerprint_of(digest, SPEC),
            "onnx_sha256": digest,
        },
        where="here",
    )
    again = parse_card(json.loads(card_text(card)), where="there")
    assert dataclasses.replace(again, golden=()) == dataclasses.replace(card, golden=())
    assert again.golden[0].descriptor == pytest.approx(card.golden[0].descriptor, abs=1e-6)


def test_a_graph_that_was_exchanged_is_noticed(tmp_path: Path) -> None:
    package = write(tmp_path / "tiny")
    check_graph(package)
    package.onnx_path.write_bytes(b"another graph")
    with pytest.raises(ModelError, match=r"model\.onnx is not the file that its model\.json names"):
        check_graph(package)
    package.onnx_path.unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        check_graph(package)
