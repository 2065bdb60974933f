"""The contact sheet: every chosen edit at every chosen strength, as a page of its own or as one picture."""

from __future__ import annotations

import base64
import html
import io
import re
from pathlib import Path

import pytest
from PIL import Image

from copylens.errors import UsageError
from copylens.evaluation.edits import EDITS
from copylens.evaluation.making_preview import COMPOSITIONS, SHOWN, write_preview
from copylens.evaluation.making_settings import ExamSettings
from copylens.workflows.settings import silent
from exam_samples import pixels
from generated_pictures import write_pictures

FEW = ("crop", "meme", "picture_in_picture", "jpeg")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    write_pictures(tmp_path / "photos", 6)
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"no picture")
    return tmp_path / "photos"


def test_the_page_shows_every_edit(photos: Path, tmp_path: Path) -> None:
    settings = ExamSettings(edits=FEW, strengths=("mild", "hard"), size=96)
    file = tmp_path / "sheet.html"
    assert write_preview([str(photos)], file, settings, jobs=2, progress=silent) == 4
    page = file.read_text(encoding="utf-8")
    assert page.count("<img") == (4 + COMPOSITIONS) * 2 * SHOWN
    for name in FEW:
        assert f"<th>{name}<small>{html.escape(EDITS[name].title)}</small>" in page
    assert "area kept: 60–85%" in page
    assert "area kept: 25–45%" not in page
    assert not re.search(r'(src|href)="(?!data:)', page)
    data = re.findall(r"data:image/webp;base64,([A-Za-z0-9+/=]+)", page)
    for each in data:
        with Image.open(io.BytesIO(base64.b64decode(each))) as image:
            image.load()
            assert max(image.size) <= 200


def test_the_picture_has_a_place_for_each(photos: Path, tmp_path: Path) -> None:
    settings = ExamSettings(edits=FEW, kinds=("single",), size=96)
    file = tmp_path / "sheet.png"
    write_preview([str(photos)], file, settings, jobs=1, progress=silent)
    with Image.open(file) as image:
        sheet = image.convert("RGB")
    assert sheet.width == 3 * (SHOWN * 168 + 16) + 8
    assert (pixels(sheet).min(axis=2) < 240).mean() > 0.2


def test_equal_settings_make_equal_sheets(photos: Path, tmp_path: Path) -> None:
    settings = ExamSettings(edits=FEW, size=96)
    for name in ("one.html", "two.html"):
        write_preview([str(photos)], tmp_path / name, settings, jobs=3, progress=silent)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_what_cannot_be_written_is_refused(photos: Path, tmp_path: Path) -> None:
    settings = ExamSettings(edits=FEW, size=96)
    with pytest.raises(UsageError, match=r"must be one of .html, .png"):
        write_preview([str(photos)], tmp_path / "sheet.pdf", settings, jobs=1, progress=silent)
    with pytest.raises(UsageError, match="there is no folder"):
        write_preview([str(photos)], tmp_path / "no" / "sheet.png", settings, jobs=1, progress=silent)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(UsageError, match="no photograph that can be used"):
        write_preview([str(tmp_path / "nothing")], tmp_path / "s.png", settings, jobs=1, progress=silent)
