"""The page of an evaluation as text: the right data, hostile names inert, the same bytes each time, nothing outside."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from copylens.errors import OutputError
from copylens.evaluation.documents import from_document
from copylens.evaluation.page import THUMBNAIL_SIDE, copy_page, write_page
from copylens.evaluation.page_data import EXAMPLES
from copylens.evaluation.page_tables import (
    RECALLS,
    curve_rows,
    differences,
    headline,
    letter,
    scored_lists,
    verdict,
)
from copylens.evaluation.results import FIGURES, Difference, Evaluation, FalseMatch, Miss, Place
from copylens.images import thumbnail
from copylens.reports.html import file_url
from evaluation_pages import NOON, alone, copydays, disc21, three_systems, with_first, written
from page_text import HOSTILE
from page_text import PageText as Page


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return three_systems(tmp_path_factory.mktemp("three"))


@pytest.fixture(scope="module")
def path(three: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(three, tmp_path_factory.mktemp("page") / "page.html")


def restored(page: Page) -> Evaluation:
    """The evaluation from the page's data alone."""
    (document,) = page.data("results")
    places = page.data("places")
    for system in document["systems"]:
        for name, keys in EXAMPLES.items():
            for example in system[name]:
                for key in keys:
                    if example[key] is not None:
                        place = places[example[key]]
                        example[key] = {"key": place["key"], "path": place["path"]}
    return from_document(document, where="the page")


def test_the_data_in_the_page_is_the_result(three: Evaluation, path: Path) -> None:
    assert restored(Page.of(path)) == three


def test_every_picture_is_there_once_and_is_its_own(three: Evaluation, path: Path) -> None:
    page = Page.of(path)
    places, thumbnails = page.data("places"), page.data("thumbnails")
    examples: list[Miss | FalseMatch] = []
    for system in three.systems:
        examples += [*system.misses, *system.false_matches]
    named = {(place.key, place.path) for one in examples for place in (one.query, one.reference)}
    assert named <= {(place["key"], place["path"]) for place in places}
    assert len({place["path"] for place in places}) == len(places) == len(thumbnails)
    for place, text in zip(places, thumbnails, strict=True):
        picture = base64.b64decode(text)
        assert picture == thumbnail(place["path"], side=THUMBNAIL_SIDE)
        assert Image.open(io.BytesIO(picture)).format == "WEBP"
        assert place["url"] == file_url(place["path"])


def test_the_tables_say_the_figures(three: Evaluation, path: Path) -> None:
    text = " ".join(Page.of(path).text.split())
    for system in three.systems:
        for _, _, scored in scored_lists(replace(three, systems=(system,))):
            for key in ("micro_average_precision", "recall_at_precision_90", "accuracy_at_1"):
                figure = scored.figures[key]
                assert f"{figure.value:.3f} {figure.low:.3f} – {figure.high:.3f}" in text
        for words in (system.label, system.origin.fingerprint, system.origin.model):
            assert words in text
    origin = three.systems[0].origin
    for words in (
        *(origin.benchmark, origin.split, origin.benchmark_digest, origin.rule, origin.command),
        *(origin.copylens, "40 samples, seed 0", "95 %", "2026-05-17 12:00", "6 background pictures"),
    ):
        assert words in text


def test_figures_are_drawn_from_0_to_100(three: Evaluation) -> None:
    rows = headline(three)
    assert [(row.system, row.note) for row in rows] == [
        (number, note) for number in range(3) for note in ("", "with score normalisation")
    ]
    for row, (_, _, scored) in zip(rows, scored_lists(three), strict=True):
        for cell, (key, name) in zip(row.cells, FIGURES.items(), strict=False):
            if cell.value is not None:
                assert cell.name == name
                assert cell.value == pytest.approx(100 * scored.figures[key].value, abs=0.006)
        assert [cell.text for cell in row.cells[-2:]] == [
            f"{at.threshold:.3f}".replace("-", "\N{MINUS SIGN}") for at in scored.thresholds if at.threshold
        ]


@pytest.mark.parametrize(
    ("difference", "word"),
    [
        (Difference(0.1, 0.02, 0.2, 1.0), "better"),
        (Difference(-0.1, -0.2, -0.02, 0.0), "worse"),
        (Difference(0.1, -0.02, 0.2, 0.9), "cannot be told apart"),
        (Difference(0.1, 0.0, 0.2, 0.9), "cannot be told apart"),
        (Difference(0.0, 0.0, 0.0, 0.0), "cannot be told apart"),
        (Difference(0.1), ""),
    ],
)
def test_a_difference_is_said_in_a_word(difference: Difference, word: str) -> None:
    assert verdict(difference) == word


def test_differences_are_drawn_around_the_middle_at_one_scale(three: Evaluation) -> None:
    rows = differences(three)
    assert [row.system for row in rows] == [1, 1, 2, 2]
    cells = [cell for row in rows for cell in row.cells]
    ends = [end for cell in cells for end in (cell.low, cell.high) if end is not None]
    assert max(abs(end - 50) for end in ends) == pytest.approx(48, abs=0.01)
    shown = three.comparisons[0].plain["micro_average_precision"]
    factor = (rows[0].cells[0].value - 50) / shown.value  # type: ignore[operator]
    for cell, key in zip(rows[2].cells, FIGURES, strict=False):
        assert cell.value == pytest.approx(50 + factor * three.comparisons[1].plain[key].value, abs=0.2)


def test_the_table_behind_the_curves_reads_them(three: Evaluation) -> None:
    rows = curve_rows(three)
    assert len(rows) == len(RECALLS)
    for recall, (name, cells) in zip(RECALLS, rows, strict=True):
        assert name == f"{recall:.2f}"
        for cell, (_, _, scored) in zip(cells, scored_lists(three), strict=True):
            reached = [at for at, value in enumerate(scored.curve.recall) if value >= recall]
            expected = f"{scored.curve.precision[reached[0]]:.3f} at " if reached else "–"
            assert cell.startswith(expected)


def test_systems_have_letters_as_long_as_there_are_any() -> None:
    assert [letter(number) for number in (0, 1, 25, 26, 99)] == ["A", "B", "Z", "27", "100"]


def test_the_same_evaluation_gives_the_same_bytes(three: Evaluation, path: Path, tmp_path: Path) -> None:
    again = written(three, tmp_path / "again.html")
    assert again.read_bytes() == path.read_bytes()
    later = tmp_path / "later.html"
    write_page(later, three, now=lambda: datetime(2027, 1, 2, 3, 4))
    assert later.read_text(encoding="utf-8") == path.read_text(encoding="utf-8").replace(
        NOON.strftime("%Y-%m-%d %H:%M"), "2027-01-02 03:04"
    )


def test_only_this_style_and_this_script_may_run_and_nothing_is_loaded(path: Path) -> None:
    page = Page.of(path)
    (policy,) = [
        attrs["content"] for _, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy is not None
    allowed = set(re.findall(r"'(sha256-[^']+)'", policy))
    style, script = page.inside[0], page.inside[-1]
    assert allowed == {
        "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (style, script)
    }
    assert "default-src 'none'" in policy
    assert not re.search(r"unsafe|https?:", policy)
    for tag, attrs in page.tags:
        assert tag not in {"link", "iframe", "object", "embed", "base", "img"}
        assert not {"src", "style", "srcset"} & attrs.keys()
        assert (attrs.get("href") or "#").startswith("#")
        assert not any(name.startswith("on") for name in attrs)
    assert not re.search(r"url\(|@import", style)
    assert set(re.findall(r"https?://[^\"'\s]+", script)) == {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(three: Evaluation, path: Path, tmp_path: Path, name: str) -> None:
    def renamed(evaluation: Evaluation) -> Evaluation:
        first = evaluation.systems[0]
        place = Place(name, f"/nowhere/{name}")
        return with_first(
            evaluation,
            label=name,
            origin=replace(first.origin, benchmark=name, split=name, command=name, model=name, source=name),
            by_edit=tuple(replace(edit, name=name) for edit in first.by_edit[:1]) + first.by_edit[1:],
            by_kind=tuple(replace(part, name=name) for part in first.by_kind),
            misses=tuple(replace(miss, query=place, edits=(name,), strength=name) for miss in first.misses),
        )

    # Plain names, to have something to compare with.
    simple = Page.of(written(with_first(renamed(three), label="plain"), tmp_path / "simple.html"))
    page = Page.of(written(renamed(three), tmp_path / "page.html"))
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in simple.tags]
    assert len(page.inside) == len(Page.of(path).inside)
    assert page.inside[-1] == Page.of(path).inside[-1]
    shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    assert shown in page.text
    (document,) = page.data("results")
    assert document["systems"][0]["label"] == shown
    assert {"key": shown, "path": f"/nowhere/{shown}", "url": file_url(f"/nowhere/{name}")} in page.data(
        "places"
    )


def test_a_picture_that_is_gone_leaves_its_place_empty(three: Evaluation, path: Path, tmp_path: Path) -> None:
    first = three.systems[0]
    gone = Place("gone.jpg", str(tmp_path / "gone.jpg"))
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    misses = (replace(first.misses[0], query=gone, reference=Place("broken.jpg", str(broken))),)
    page = Page.of(written(with_first(three, misses=misses), tmp_path / "page.html"))
    pictures = dict(
        zip([place["key"] for place in page.data("places")], page.data("thumbnails"), strict=True)
    )
    assert {key for key, picture in pictures.items() if not picture} == {"gone.jpg", "broken.jpg"}
    before = Page.of(path)
    whole = dict(
        zip([place["key"] for place in before.data("places")], before.data("thumbnails"), strict=True)
    )
    assert {key: picture for key, picture in pictures.items() if picture}.items() <= whole.items()


def test_other_benchmarks_have_pages_too(tmp_path: Path) -> None:
    for name, make in (("disc21", disc21), ("copydays", copydays)):
        evaluation = make(tmp_path / name)
        page = Page.of(written(evaluation, tmp_path / f"{name}.html"))
        assert restored(page) == evaluation
        ids = {attrs["id"] for _, attrs in page.tags if "id" in attrs}
        assert {"figures", "curves", "scores", "misses", "false-matches", "origin"} <= ids
        (system,) = evaluation.systems
        parts = {"edits": system.by_edit, "strengths": system.by_strength, "kinds": system.by_kind}
        assert ids & {"differences", *parts} == {name for name, rows in parts.items() if rows}
        assert "edits" not in ids
    assert "mAP (trapezoid)" in page.text


def test_one_system_without_background_has_one_row_and_no_letter(three: Evaluation, tmp_path: Path) -> None:
    page = Page.of(written(alone(three, normalised=None), tmp_path / "page.html"))
    assert "with score normalisation" not in page.text
    assert not [attrs for _, attrs in page.tags if attrs.get("class") == "letter"]
    assert len([tag for tag, attrs in page.tags if tag == "svg" and attrs.get("class") == "meter"]) == 5


def test_progress_counts_pictures_and_a_page_that_cannot_be_written_says_so(
    three: Evaluation, path: Path, tmp_path: Path
) -> None:
    seen: list[tuple[str, int, int | None]] = []
    write_page(tmp_path / "page.html", three, progress=lambda *step: seen.append(step))
    count = len(Page.of(path).data("places"))
    assert seen == [("thumbnails", done, count) for done in range(1, count + 1)]
    with pytest.raises(OutputError, match="cannot be written"):
        write_page(tmp_path / "no" / "page.html", three)


def test_a_copy_has_the_same_bytes_and_a_page_stays_where_it_is(path: Path, tmp_path: Path) -> None:
    copy_page(path, tmp_path / "copy.html")
    assert (tmp_path / "copy.html").read_bytes() == path.read_bytes()
    before = path.stat()
    copy_page(path, path)
    assert path.stat() == before
