"""Two scans of one folder into one new catalog at the same time: both succeed, agree, and leave a whole catalog."""

from __future__ import annotations

from pathlib import Path

from copylens_process import CopyLens, described_in, differences, ended
from generated_pictures import Gallery


def test_both_succeed_and_agree(copylens: CopyLens, gallery: Gallery, tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.db"
    words = ("scan", gallery.folder, "--catalog", catalog, "--json")
    one, other = (copylens.start(*words) for _ in range(2))
    documents = [ended(process).document() for process in (one, other)]
    for document in documents:
        assert differences(document, gallery.document) == []
    described = sum(document["summary"]["described"] for document in documents)
    assert gallery.contents <= described <= 2 * gallery.contents
    assert described_in(catalog) == gallery.contents
    assert copylens.scan(gallery.folder, "--catalog", catalog)["summary"]["described"] == 0
