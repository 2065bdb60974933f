"""The page of a training as text: the numbers of the log, hostile names inert, nothing from outside."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import math
import re
from pathlib import Path

import numpy as np
import pytest

from copylens.errors import ConfigError, OutputError, UsageError
from copylens.training.page import BINS, PAGE, RECIPE, count_scores, write_training_page
from copylens.training.page_log import (
    CHARTS,
    POINTS,
    ROWS,
    TrainingLog,
    curve_data,
    duration,
    headline,
    number,
    seconds_of,
    table_rows,
    thinned,
)
from copylens.training.recipes import to_toml
from copylens.training.watching import FILE, read_log
from page_text import HOSTILE, PageText
from training_pages import (
    BATCH,
    SPEED,
    made_samples,
    run_folder,
    step_line,
    validation_line,
    warning_line,
    whole_log,
    written,
)
from training_samples import tiny


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_folder(tmp_path_factory.mktemp("run"), whole_log())


@pytest.fixture(scope="module")
def page(run: Path) -> PageText:
    return PageText.of(written(run, made_samples()))


def test_the_page_lies_in_the_run_folder(run: Path, page: PageText) -> None:
    assert written(run, made_samples()) == run / PAGE
    assert page.ids() >= {"curves", "warnings", "scores", "neighbours", "origin"}
    assert {f"chart-{chart.name}" for chart in CHARTS} <= page.ids()


def test_the_curves_are_the_numbers_of_the_log(run: Path, page: PageText) -> None:
    lines = list(read_log(run))
    (log,) = page.data("log")
    assert log["last"] == 60
    assert log["warnings"] == [8, 18]
    assert [chart["name"] for chart in log["charts"]] == [chart.name for chart in CHARTS]
    for drawn, chart in zip(log["charts"], CHARTS, strict=True):
        of_kind = [line for line in lines if line["kind"] == chart.kind]
        assert drawn["steps"] == [line["step"] for line in of_kind]
        assert drawn["series"] == [
            {"name": name, "values": [line[key] for line in of_kind]} for key, name in chart.series
        ]


def test_every_number_that_the_issue_asks_for_has_a_curve() -> None:
    drawn = {key for chart in CHARTS for key, _ in chart.series}
    asked = {"loss", "info_nce", "koleo", "positive", "negative", "nearest_negative", "effective_rank"}
    assert asked | {"learning_rate", "micro_average_precision"} <= drawn


def test_the_headline_says_steps_time_speed_and_what_was_gained(page: PageText) -> None:
    log = TrainingLog.of(whole_log())
    said = {name: (value, remark) for name, value, remark in headline(log, BATCH)}
    assert said["steps"] == ("60", "of 8 pictures")
    assert said["time of training"][0] == duration(60 * BATCH / SPEED) == "12 s"
    assert said["images per second"][0] == "40"
    assert said["µAP on the exam"] == ("0.625", "+0.425 against 0.200 at step 0")
    assert said["warnings"][0] == "2"
    for name, (value, remark) in said.items():
        assert all(text in page.text for text in (name, value, remark))
    assert tiny().description in page.text


def test_a_loss_of_precision_has_a_minus_and_one_validation_no_remark() -> None:
    fallen = TrainingLog.of([validation_line(0, 0.5), validation_line(9, 0.25)])
    assert headline(fallen, 8)[3] == (
        "µAP on the exam",
        "0.250",
        "\N{MINUS SIGN}0.250 against 0.500 at step 0",
    )
    assert headline(TrainingLog.of([validation_line(0, 0.5)]), 8)[3][1:] == ("0.500", "")


def test_time_follows_from_how_quick_each_stretch_was() -> None:
    log = TrainingLog.of([step_line(10, images_per_second=20.0), step_line(30, images_per_second=80.0)])
    assert seconds_of(log, 8) == pytest.approx(10 * 8 / 20 + 20 * 8 / 80)


def test_the_tables_say_what_the_curves_draw(page: PageText) -> None:
    log = TrainingLog.of(whole_log())
    for kind, count in (("step", 30), ("validation", 3)):
        rows = table_rows(log, kind)
        assert len(rows) == count
        for step, cells in rows:
            assert step in page.text
            assert all(cell in page.text for cell in cells)
    assert table_rows(log, "validation")[-1] == ("60", ["0.6250", "0.5000", "0.2500"])


def test_warnings_are_listed(page: PageText) -> None:
    assert "the descriptors collapse" in page.text
    assert "rank & file" in page.text


def test_the_whole_recipe_is_on_the_page(page: PageText) -> None:
    assert to_toml(tiny()).strip() in page.text


def test_a_long_log_is_thinned_and_keeps_its_ends(tmp_path: Path) -> None:
    lines = [step_line(step) for step in range(1, 3 * POINTS)]
    lines += [warning_line(step, f"warning {step}.") for step in range(1, 3 * POINTS)]
    log = TrainingLog.of(lines)
    drawn = curve_data(log)
    steps = drawn["charts"][0]["steps"]
    assert len(steps) == POINTS
    assert (steps[0], steps[-1]) == (1, 3 * POINTS - 1)
    assert sorted(set(steps)) == steps
    by_step = {line["step"]: line["loss"] for line in log.steps}
    assert drawn["charts"][0]["series"][0]["values"] == [by_step[step] for step in steps]
    page = PageText.of(written(run_folder(tmp_path, lines)))
    listed = re.findall(r"warning \d+\.", page.text)
    assert len(listed) == ROWS
    assert (listed[0], listed[-1]) == ("warning 1.", f"warning {3 * POINTS - 1}.")
    assert f"{ROWS} of {3 * POINTS - 1:,} are listed" in page.text


def test_what_is_short_is_not_thinned() -> None:
    lines = [step_line(step) for step in range(1, 6)]
    assert thinned(lines, 5) == lines
    assert thinned(lines, 2) == [lines[0], lines[-1]]


def test_numbers_that_are_not_finite_are_gaps(tmp_path: Path) -> None:
    lines = [step_line(1), step_line(2, koleo=math.nan, nearest_negative=-math.inf), step_line(3)]
    path = written(run_folder(tmp_path, lines))
    assert "NaN" not in "".join(PageText.of(path).inside[1:-1])
    (log,) = PageText.of(path).data("log")
    values = {one["name"]: one["values"] for chart in log["charts"] for one in chart["series"]}
    assert [value is None for value in values["KoLeo"]] == [False, True, False]
    assert values["nearest negatives"][1] is None
    assert table_rows(TrainingLog.of(read_log(tmp_path)), "step")[1][1].count("–") == 2


def test_an_empty_log_has_a_page_too(tmp_path: Path) -> None:
    page = PageText.of(written(run_folder(tmp_path, [])))
    assert "Nothing was logged yet." in page.text
    assert "There are no two held-out pictures" in page.text
    assert not {"warnings", "neighbours", "step-slider"} & page.ids()
    (log,) = page.data("log")
    assert log["last"] == 0
    assert page.data("scores") == []
    (tmp_path / FILE).unlink()
    assert PageText.of(written(tmp_path)).text == page.text


def test_one_step_is_a_whole_page(tmp_path: Path) -> None:
    page = PageText.of(written(run_folder(tmp_path, [step_line(1)])))
    (log,) = page.data("log")
    assert log["charts"][0]["steps"] == [1]
    # No exam: no chart of it.
    assert "chart-validation" not in page.ids()
    assert "chart-loss" in page.ids()


def test_the_histogram_counts_every_score() -> None:
    samples = made_samples(20)
    counted = count_scores(samples)
    assert (sum(counted.positives), sum(counted.negatives), counted.views) == (20, 40, 40)
    assert len(counted.positives) == len(counted.edges) - 1 == BINS
    for scores, counts in (
        (samples.positives, counted.positives),
        (samples.nearest_negatives, counted.negatives),
    ):
        for at, count in enumerate(counts[:-1]):
            inside = (scores >= counted.edges[at]) & (scores < counted.edges[at + 1])
            assert count == inside.sum(), at
    beaten = sum(
        samples.positives[n % 20] > negative for n, negative in enumerate(samples.nearest_negatives.tolist())
    )
    assert counted.found == beaten


def test_scores_of_one_and_views_without_negatives_are_counted() -> None:
    samples = dataclasses.replace(
        made_samples(2),
        positives=np.array([1.0000002, -1.0000001], np.float32),
        nearest_negatives=np.array([np.nan, 0.5, np.nan, 0.5], np.float32),
    )
    counted = count_scores(samples)
    assert (counted.positives[0], counted.positives[-1]) == (1, 1)
    assert (sum(counted.negatives), counted.views, counted.found) == (2, 2, 0)


def test_pictures_and_their_scores_are_there(page: PageText) -> None:
    samples = made_samples()
    pictures = [attrs["src"] or "" for tag, attrs in page.tags if tag == "img"]
    wanted = [
        samples.pictures[place].thumbnail
        for query, others in samples.neighbours
        for place in (query, *(other.picture for other in others))
    ]
    assert len(pictures) == 12 * 6
    head = "data:image/webp;base64,"
    assert [base64.b64decode(picture.removeprefix(head)) for picture in pictures] == wanted
    matches = [
        other.score
        for _, others in samples.neighbours
        for other in others
        if other.score >= samples.threshold
    ]
    framed = [attrs for tag, attrs in page.tags if tag == "figure" and attrs.get("class") == "match"]
    assert len(framed) == len(matches) > 0
    assert page.text.count(", a match") == len(matches)
    for _, others in samples.neighbours:
        assert all(number(other.score) in page.text for other in others)


def test_a_picture_that_vanished_is_said(tmp_path: Path) -> None:
    samples = made_samples(3)
    gone = (dataclasses.replace(samples.pictures[0], thumbnail=b""), *samples.pictures[1:])
    page = PageText.of(
        written(run_folder(tmp_path, whole_log()), dataclasses.replace(samples, pictures=gone))
    )
    # It is a neighbour of both others, and has a row of its own.
    assert page.text.count("picture not found") == 3


def test_only_this_style_and_this_script_may_run_and_nothing_is_loaded(page: PageText) -> None:
    (policy,) = [
        attrs["content"] for _, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy is not None
    allowed = set(re.findall(r"'(sha256-[^']+)'", policy))
    style, script = page.inside[0], page.inside[-1]
    digests = {hashlib.sha256(text.encode()).digest() for text in (style, script)}
    assert allowed == {"sha256-" + base64.b64encode(digest).decode() for digest in digests}
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert not re.search(r"unsafe|https?:|file:", policy)
    for tag, attrs in page.tags:
        assert tag not in {"link", "iframe", "object", "embed", "base"}
        assert not {"style", "srcset"} & attrs.keys()
        assert (attrs.get("src") or "data:").startswith("data:")
        assert (attrs.get("href") or "#").startswith("#")
        assert not any(name.startswith("on") for name in attrs)
    assert not re.search(r"url\(|@import", style)
    assert set(re.findall(r"https?://[^\"'\s]+", script)) == {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(page: PageText, tmp_path: Path, name: str) -> None:
    shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    lines = [line if line["kind"] != "warning" else {**line, "text": shown} for line in whole_log()]
    folder = run_folder(tmp_path, lines, dataclasses.replace(tiny(), description=shown))
    found = PageText.of(written(folder, made_samples(names=[name])))
    assert [tag for tag, _ in found.tags] == [tag for tag, _ in page.tags]
    assert (found.inside[0], found.inside[-1]) == (page.inside[0], page.inside[-1])
    # As description, twice as a warning, and the end of the path of a picture.
    assert found.text.count(shown) >= 3
    assert shown.replace("\\", "/").rpartition("/")[2] in found.text
    titles = {attrs.get("title") for tag, attrs in found.tags if tag == "span"}
    assert shown in titles


def test_the_same_run_has_the_same_bytes(run: Path) -> None:
    first = written(run, made_samples()).read_bytes()
    assert written(run, made_samples()).read_bytes() == first


def test_folders_that_hold_no_run_or_cannot_be_written_say_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such recipe file"):
        written(tmp_path)
    folder = run_folder(tmp_path / "run", [])
    (folder / PAGE).mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        write_training_page(folder, samples=None)
    (folder / RECIPE).write_text("[loss", encoding="utf-8")
    with pytest.raises(ConfigError, match="not a readable recipe"):
        written(folder)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0.0000"),
        (0.03124, "0.0312"),
        (-0.5, "\N{MINUS SIGN}0.5000"),
        (12.456, "12.46"),
        (1234.4, "1,234"),
        (4.16e-7, "4.16e-07"),
    ],
)
def test_numbers_are_short(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(2.34, "2.3 s"), (42.4, "42 s"), (754, "13 min"), (12_000, "3 h 20 min"), (3_599, "1 h 0 min")],
)
def test_times_are_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text
