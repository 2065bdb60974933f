"""The script that trains the finder: two files that belong together, and a second call that trains nothing anew."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from build_inset_finder import LIKELY, main

from copylens.records import INSET_FINDER
from copylens.training.insets import loop
from training_samples import picture_folder


def test_it_writes_a_graph_and_the_card_of_that_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures, output = picture_folder(tmp_path / "pictures", 64), tmp_path / "finder"
    words = [
        "--corpus",
        str(pictures),
        "--output",
        str(output),
        "--steps",
        "1",
        "--seed",
        "3",
        "--data",
        "drawn",
    ]
    main(words)
    graph = (output / "finder.onnx").read_bytes()
    card = json.loads((output / "finder.json").read_text(encoding="utf-8"))
    assert card["sha256"] == hashlib.sha256(graph).hexdigest()
    assert (card["name"], card["likely"], card["data"]) == (INSET_FINDER, LIKELY, "drawn")
    assert card["command"] == "scripts/build_inset_finder.py --steps 1 --seed 3"
    assert (card["training"]["step"], card["training"]["loss"] > 0.0) == (1, True)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    (cells,) = session.run(["cells"], {"pixels": np.zeros((1, 160, 160, 3), np.uint8)})
    assert cells.shape == (1, 100, 5)
    assert "finder.onnx" in capsys.readouterr().out

    def refuse(*_: object) -> None:
        raise AssertionError("nothing is left to train")

    monkeypatch.setattr(loop.InsetTrainer, "_learn", refuse)
    (output / "finder.onnx").unlink()
    main(words)
    assert (output / "finder.onnx").read_bytes() == graph
