"""Lines between the marks of a page."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.marked_pages import is_marked, marks, replace_between

BEGIN, END = marks("speed")


def test_only_what_lies_between_the_marks_changes(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# é\n\n{BEGIN}\nold\nlines\n{END}\n\n| a |\n", encoding="utf-8")
    for lines in (["new"], ["first", "", "second"], []):
        replace_between(page, "speed", lines)
        between = "".join(f"{line}\n" for line in lines)
        assert page.read_text(encoding="utf-8") == f"# é\n\n{BEGIN}\n{between}{END}\n\n| a |\n"


@pytest.mark.parametrize("text", ["", BEGIN, END, f"{END}\n{BEGIN}\n", "<!-- benchmarks.other -->"])
def test_a_page_without_both_marks_in_order_is_left_alone(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    assert not is_marked(page, "speed")
    with pytest.raises(ValueError, match=r"page\.md has to be a file with the lines"):
        replace_between(page, "speed", ["new"])
    assert page.read_text(encoding="utf-8") == text
    assert not is_marked(tmp_path / "nowhere.md", "speed")
