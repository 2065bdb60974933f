"""The contact sheet: a PNG whose rows are pictures and operators."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from copylens.errors import OutputError, UsageError
from copylens.training.augment import OPERATORS, contact_sheet
from picture_batches import picture_batch


def test_the_sheet_has_a_row_for_every_picture_and_operator(tmp_path: Path) -> None:
    path = contact_sheet(picture_batch(3, side=40), "copylens", tmp_path / "sheet.png", columns=4, size=32)
    with Image.open(path) as sheet:
        assert sheet.format == "PNG"
        assert sheet.width == 84 + 5 * 36 + 4
        assert sheet.height == 22 + (4 + len(OPERATORS)) * 36 + 4
        cells = {
            sheet.crop((84 + 36 * c, 22 + 36 * r, 116 + 36 * c, 54 + 36 * r)).tobytes()
            for r in range(4 + len(OPERATORS))
            for c in range(5)
        }
    # Every operator's views differ from the plain pictures and from each other's.
    assert len(cells) > 0.9 * 5 * (4 + len(OPERATORS))


def test_what_goes_wrong_is_said(tmp_path: Path) -> None:
    batch = picture_batch(2, side=40)
    with pytest.raises(OutputError, match=r"nowhere.*cannot be written"):
        contact_sheet(batch, "simclr", tmp_path / "nowhere" / "sheet.png", columns=1, size=32)
    with pytest.raises(UsageError, match="preset"):
        contact_sheet(batch, "nothing like it", tmp_path / "sheet.png")
