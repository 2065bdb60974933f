"""The comparison from end to end, with CopyLens itself and a peer that is made up."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks import scan_peers
from PIL import Image

from copylens.models import find_model, load_package

PEER = """#!{python} -S
import json, sys
adapter, folder, method, out = sys.argv[1:]
assert adapter.endswith("run_immaculate.py"), adapter
if method == "phash":
    sys.exit("no such method")
names = [folder + "/" + name for name in ("original.png", "copy.png", "other.png")]
json.dump({{"version": "made up 1", "threshold": method, "skipped": 2, "groups": [names],
    "pairs": [names[:2], names[1:], names[::2]]}}, open(out, "w"))
"""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A picture, its copy, another picture, and the truth."""
    folder = tmp_path / "photos"
    folder.mkdir()
    draw = np.random.default_rng(0)
    pictures = [draw.integers(0, 256, (4, 4, 3), np.uint8) for _ in range(2)]
    for name, picture in (("original", pictures[0]), ("copy", pictures[0]), ("other", pictures[1])):
        Image.fromarray(picture).resize((200, 200), Image.Resampling.BICUBIC).save(folder / f"{name}.png")
    (folder / "truth.csv").write_text("copy,original,edit\ncopy.png,original.png,bytes\n", encoding="utf-8")
    return folder


@pytest.fixture
def peer(tmp_path: Path) -> Path:
    """What stands in for the Python of another tool."""
    path = tmp_path / "peer"
    path.write_text(PEER.format(python=sys.executable), encoding="utf-8")
    path.chmod(0o755)
    return path


def compare(monkeypatch: pytest.MonkeyPatch, photos: Path, peer: Path, tools: str, *options: str) -> int:
    """Run the comparison as from a command line."""
    words = [str(photos), "--truth", str(photos / "truth.csv"), "--tools", tools, "--repeats", "1"]
    monkeypatch.setattr(sys, "argv", ["scan_peers", *words, "--python-immaculate", str(peer), *options])
    return scan_peers.main()


def test_a_scan_is_compared_with_other_views(
    monkeypatch: pytest.MonkeyPatch, photos: Path, peer: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = photos.parent / "views.json"
    tools = "copylens:onnxruntime:whole,copylens::fast"
    assert compare(monkeypatch, photos, peer, tools, "--output", str(out)) == 0
    whole, fast = json.loads(out.read_text(encoding="utf-8"))["tools"]
    assert whole["options"] == ["--engine", "onnxruntime", "--views", "whole"]
    assert fast["options"] == ["--views", "fast"]
    assert whole["pairs"]["right"] == fast["pairs"]["right"] == 1
    threshold = load_package(find_model()).calibration.threshold
    assert f"| copylens:onnxruntime:whole | {threshold:.4g} |" in capfd.readouterr().out


def test_compares_copylens_with_a_peer(
    monkeypatch: pytest.MonkeyPatch, photos: Path, peer: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = photos.parent / "result.json"
    tools = "copylens:onnxruntime,immaculate-pdq"
    assert compare(monkeypatch, photos, peer, tools, "--output", str(out)) == 0
    document = json.loads(out.read_text(encoding="utf-8"))
    ours, theirs = document["tools"]
    assert document["images"] == 3
    assert ours["options"] == ["--engine", "onnxruntime"]
    assert ours["skipped"] == 0
    assert ours["pairs"]["right"] == ours["pairs"]["wanted"] == 1
    assert ours["recall_by_edit"] == {"bytes": 1.0}
    assert ours["peak"] > 30
    assert (theirs["version"], theirs["threshold"], theirs["skipped"]) == ("made up 1", "pdq", 2)
    assert theirs["pairs"] | theirs["groups"] == theirs["pairs"]
    assert theirs["pairs"]["found"] == 3
    assert theirs["pairs"]["precision"] == pytest.approx(1 / 3)
    rows = [line for line in capfd.readouterr().out.splitlines() if line.startswith("| ")]
    assert len({row.count("|") for row in rows}) == 1
    assert [row.split(" | ")[0] for row in rows] == ["| Tool", "| copylens:onnxruntime", "| immaculate-pdq"]
    assert rows[2].endswith("| 2 | 3 | 33.3 % | 100.0 % | 33.3 % | 100.0 % |")
    # Nothing of this machine's folders, so that the file can be shown.
    assert str(photos.parent) not in json.dumps(document)


def test_a_tool_that_fails_is_a_row_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, photos: Path, peer: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert compare(monkeypatch, photos, peer, "immaculate-phash,immaculate-pdq") == 1
    said = capfd.readouterr()
    assert "| immaculate-phash | exit status 1 | –" in said.out
    assert "| immaculate-pdq | pdq |" in said.out
    assert "no such method" in said.err


@pytest.mark.parametrize(
    ("tools", "said"),
    [("czkawka", "no tool czkawka"), ("immaculate-pdq:openvino", "only copylens takes an engine")],
)
def test_an_unknown_tool_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    photos: Path,
    peer: Path,
    capfd: pytest.CaptureFixture[str],
    tools: str,
    said: str,
) -> None:
    assert compare(monkeypatch, photos, peer, tools) == 2
    assert said in capfd.readouterr().err


def test_the_share_of_other_programs() -> None:
    cores = len(os.sched_getaffinity(0))
    rows = [
        {"runs": [{"wall": 4.0, "others": 1.0 * cores}]},
        {"runs": [{"wall": 6.0, "others": 1.5 * cores}]},
    ]
    assert scan_peers.share_of_others(rows) == pytest.approx(0.25)
    assert scan_peers.share_of_others([{"runs": []}]) is None
