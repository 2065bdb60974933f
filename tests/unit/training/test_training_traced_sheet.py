"""The sheet of traced places: dots where the pixels truly are, darkness over what is no picture."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from copylens.errors import OutputError
from copylens.training.augment.settings import only
from copylens.training.mixing import MixingSettings
from copylens.training.nouns import Traces
from copylens.training.traced_sheet import DOTS, colour_of, dotted, places, traced_sheet
from picture_batches import picture_batch

SIZE = 60
GREY = torch.full((3, SIZE, SIZE), 0.5)


def seen_colours(sheet: torch.Tensor) -> dict[tuple[int, int, int], tuple[float, float]]:
    """Where the middle of the pixels of every dot's colour lies, in parts of the view."""
    found = {}
    for colour in {colour_of(x, y) for x, y in places()}:
        rows = torch.tensor(colour)[:, None, None]
        y, x = torch.nonzero(((sheet * 255.0).round() == rows).all(0), as_tuple=True)
        if len(y):
            found[colour] = ((float(x.double().mean()) + 0.5) / SIZE, (float(y.double().mean()) + 0.5) / SIZE)
    return found


def test_dots_lie_where_the_map_takes_their_places() -> None:
    mirrored = torch.tensor([[[-1.0, 0.0, 1.0], [0.0, 0.6, 0.2], [0.0, 0.0, 1.0]]])
    shown, covered = torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.zeros(1, 4)
    found = seen_colours(dotted(GREY, Traces(mirrored, shown, covered)))
    assert len({colour_of(x, y) for x, y in places()}) == DOTS**2
    # The view is the middle of the picture, mirrored.
    expected = {colour_of(x, y): (1.0 - x, (y - 0.2) / 0.6) for x, y in places() if 0.2 < y < 0.8}
    assert found.keys() == expected.keys()
    for colour, where in expected.items():
        assert found[colour] == pytest.approx(where, abs=1.0 / SIZE)


def test_what_is_hidden_is_dark_and_has_no_dots() -> None:
    left = torch.tensor([[0.0, 0.0, 0.5, 1.0]])
    whole, nothing = torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.zeros(1, 4)
    for traces in (Traces(torch.eye(3)[None], left, nothing), Traces(torch.eye(3)[None], whole, left)):
        sheet = dotted(GREY, traces)
        visible = traces.shown[0, 2] < 1.0
        bright, dark = (sheet[..., :30], sheet[..., 30:]) if visible else (sheet[..., 30:], sheet[..., :30])
        assert float(dark.max()) == pytest.approx(0.35 * 0.5, abs=0.01)
        assert float(bright.median()) == pytest.approx(0.5, abs=0.01)
        assert len(seen_colours(sheet)) == DOTS**2 // 2


def test_the_sheet_has_a_row_for_every_picture(tmp_path: Path) -> None:
    always = MixingSettings(probability=1.0, mixup_share=1.0)
    batch = picture_batch(3, side=40)
    path = traced_sheet(batch, only("flip"), tmp_path / "a.png", mixing=always, columns=3, size=32)
    with Image.open(path) as sheet:
        assert sheet.format == "PNG"
        assert (sheet.width, sheet.height) == (84 + 4 * 36 + 4, 22 + 3 * 36 + 4)
        plain, blended = (sheet.crop((84 + 36 * c, 22, 116 + 36 * c, 54)).tobytes() for c in (0, 1))
    # A blended view shows nothing that could be traced.
    assert max(blended) <= round(0.35 * 255) < max(plain)
    with pytest.raises(OutputError, match=r"nowhere.*cannot be written"):
        traced_sheet(batch, "simclr", tmp_path / "nowhere" / "sheet.png", columns=1, size=32)
