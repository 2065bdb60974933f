"""What the exit status says, and that --quiet changes the words but not the status."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from copylens_process import CopyLens, Ran
from generated_pictures import random_picture


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pictures, and in another folder one of them again, smaller."""
    home = tmp_path_factory.mktemp("statuses")
    for folder, number, name in (("two", 1, "one.png"), ("two", 2, "two.png"), ("more", 1, "small.webp")):
        (home / folder).mkdir(exist_ok=True)
        size = (48, 36) if name == "small.webp" else (96, 72)
        random_picture(number, size).save(home / folder / name)
    (home / "two" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return home


@pytest.fixture
def copylens(home: Path, thumbnail_package: Path) -> CopyLens:
    return CopyLens(home, thumbnail_package)


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        ("scan two", 0, "No copies found among 2 images."),
        ("scan two more", 0, "1 copy in 1 group among 3 images; "),
        ("scan two --fail-on-found", 0, "No copies found among 2 images."),
        ("scan two more --fail-on-found", 1, "1 copy in 1 group among 3 images; "),
        ("scan two --against more --fail-on-found", 1, "1 copy of known images among 3 images; "),
        ("compare two/one.png more/small.webp", 0, "COPY: an edited or re-encoded copy"),
        ("compare two/one.png two/one.png", 0, "COPY: the files are equal byte for byte"),
        ("compare two/one.png two/two.png", 1, "NOT A COPY"),
        ("compare two/one.png two/two.png --threshold -1", 0, "COPY: an edited or re-encoded copy"),
        ("describe two --output d.npz", 0, "2 descriptors of 769 dimensions (model thumbnail) in d.npz"),
    ],
)
def test_the_status_and_the_first_words(
    run_here: Callable[..., Ran], words: str, status: int, says: str
) -> None:
    ran = run_here(*words.split())
    assert (ran.status, ran.err) == (status, "")
    assert ran.out.startswith(says)
    quiet = run_here(*words.split(), "--quiet")
    assert (quiet.status, quiet.out, quiet.err) == (status, "", "")


@pytest.mark.parametrize(
    ("words", "status"), [("scan two more --fail-on-found", 1), ("compare two/one.png two/two.png", 1)]
)
def test_so_it_is_for_the_process_that_called(copylens: CopyLens, words: str, status: int) -> None:
    ran = copylens.run(*words.split(), "--quiet")
    assert (ran.status, ran.out, ran.err) == (status, "", "")


@pytest.mark.parametrize("words", ["compare two/one.png two/broken.png", "scan nowhere"])
def test_quiet_does_not_hide_an_error(run_here: Callable[..., Ran], words: str) -> None:
    ran = run_here(*words.split(), "--quiet")
    assert ran.status == 2
    assert ran.sentence()


def test_json_is_printed_however_quiet(run_here: Callable[..., Ran]) -> None:
    loud, quiet = (run_here("scan", "two", "more", "--json", *more).document() for more in ((), ("--quiet",)))
    assert quiet["groups"] == loud["groups"]
    assert len(loud["groups"]) == 1


def test_fail_on_found_prints_the_json_before_it_fails(copylens: CopyLens) -> None:
    ran = copylens.run("scan", "two", "more", "--json", "--fail-on-found")
    assert (ran.status, ran.err) == (1, "")
    assert ran.out.startswith("{\n")
    assert ran.out.endswith("\n}\n")


def test_a_comparison_as_json(run_here: Callable[..., Ran]) -> None:
    verdict = run_here("compare", "two/one.png", "more/small.webp", "--json").document()
    assert (verdict["version"], verdict["is_copy"], verdict["kind"]) == (1, True, "near")
    assert 1 >= verdict["score"] > verdict["threshold"] == 0.9
    assert verdict["model"]["name"] == "thumbnail"
    assert [(verdict[side]["path"], verdict[side]["width"]) for side in ("first", "second")] == [
        ("two/one.png", 96),
        ("more/small.webp", 48),
    ]


def test_a_model_that_is_not_there_fails_without_being_a_wrong_word(run_here: Callable[..., Ran]) -> None:
    ran = run_here("scan", "two", "--model", "thumb")
    assert ran.status == 1
    assert "There is no model 'thumb'" in ran.sentence()
