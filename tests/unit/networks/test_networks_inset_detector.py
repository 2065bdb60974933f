"""The network that finds insets: what it gives, and a graph that says the same."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
import torch

from copylens.networks.inset_detector import (
    CELLS,
    SIDE,
    InsetDetector,
    PixelsToCells,
    export_inset_detector,
)


@pytest.fixture(scope="module")
def detector() -> InsetDetector:
    torch.manual_seed(3)
    made = InsetDetector()
    # Statistics and answers as of a trained network, which are not those of a fresh one.
    with torch.no_grad():
        for module in made.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.uniform_(-0.5, 0.5)  # type: ignore[union-attr]
                module.running_var.uniform_(0.5, 2.0)  # type: ignore[union-attr]
        made.answer.weight.mul_(8.0)
    return made.eval()


def pictures(count: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)


def test_every_cell_gives_a_logit_and_a_box_around_itself(detector: InsetDetector) -> None:
    logits, boxes = detector(torch.rand(2, 3, SIDE, SIDE))
    assert logits.shape == (2, CELLS, CELLS)
    assert boxes.shape == (2, 4, CELLS, CELLS)
    for row in range(CELLS):
        for column in range(CELLS):
            x, y = (column + 0.5) / CELLS, (row + 0.5) / CELLS
            left, top, right, bottom = boxes[0, :, row, column].tolist()
            assert left <= x <= right
            assert top <= y <= bottom


def test_a_fresh_network_says_that_there_is_nothing() -> None:
    torch.manual_seed(0)
    logits, _ = InsetDetector().eval()(torch.rand(4, 3, SIDE, SIDE))
    assert float(logits.detach().sigmoid().max()) < 0.1


def test_the_graph_says_what_the_network_says(detector: InsetDetector) -> None:
    graph = export_inset_detector(detector)
    # Half of what float32 weights would take, and little beside.
    assert len(graph) < 2.5 * sum(p.numel() for p in detector.parameters())
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    for count in (1, 3):
        pixels = pictures(count)
        (said,) = session.run(["cells"], {"pixels": pixels})
        with torch.no_grad():
            expected = PixelsToCells(detector)(torch.from_numpy(pixels)).numpy()
            logits, boxes = detector(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255.0)
        assert said.shape == (count, CELLS * CELLS, 5)
        # Row by row: the cell in row 2, column 7.
        assert float(expected[0, 27, 0]) == pytest.approx(float(logits[0, 2, 7].sigmoid()))
        assert expected[0, 27, 1:] == pytest.approx(boxes[0, :, 2, 7].clamp(0.0, 1.0).numpy())
        np.testing.assert_allclose(said, expected, atol=5e-3)
        assert ((said >= 0.0) & (said <= 1.0)).all()
