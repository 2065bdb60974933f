"""The folder of strange and broken files through the whole command: each is described, or skipped for its true reason.

With the lowest threshold everything matches everything, so the result names every image that was described.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from copylens.reports.wording import readable
from copylens_process import CopyLens, Ran
from strange_files import LONG_PATH, StrangeFolder, build
from strange_pictures import Refused, Shown
from written_results import Groups, from_documents, groups_in, images_of, path_behind, report_data

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs a Linux file system")

SUFFIXES = ("json", "jsonl", "csv", "parquet", "html")


@dataclass(frozen=True)
class Scanned:
    folder: StrangeFolder
    copylens: CopyLens
    ran: Ran

    @property
    def document(self) -> Any:
        return self.ran.document()

    def written(self, suffix: str) -> Path:
        return self.copylens.home / f"result.{suffix}"


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory, thumbnail_package: Path) -> Scanned:
    home = tmp_path_factory.mktemp("strange")
    folder, copylens = build(home), CopyLens(home, thumbnail_package)
    outputs = [word for suffix in SUFFIXES for word in ("--output", f"result.{suffix}")]
    ran = copylens.run("scan", folder.root, "--views", "whole", "--threshold", "-1", "--json", *outputs)
    return Scanned(folder, copylens, ran)


def shown(folder: StrangeFolder) -> list[str]:
    return [path for path, outcome in folder.expected.items() if isinstance(outcome, Shown)]


def groups_of(document: Any) -> Groups:
    return from_documents(document["groups"])


def test_every_file_is_described_or_skipped_and_none_is_lost(scanned: Scanned) -> None:
    (described,) = groups_of(scanned.document)
    skipped = [item["path"] for item in scanned.document["skipped"]]
    assert len(described) == len(set(described)) > 40
    assert len(skipped) == len(set(skipped)) > 40
    assert set(described) == set(shown(scanned.folder))
    assert {*described, *skipped} == set(scanned.folder.expected)
    summary = scanned.document["summary"]
    assert (summary["images"], summary["skipped"]) == (len(described), len(skipped))
    assert summary["matches"] == len(described) * (len(described) - 1) // 2


def test_every_reason_is_the_true_one(scanned: Scanned) -> None:
    for item in scanned.document["skipped"]:
        outcome = scanned.folder.expected[item["path"]]
        assert isinstance(outcome, Refused), item
        assert item["code"] == outcome.code, item
        assert outcome.says in item["reason"], item


def test_every_described_path_can_be_opened_again(scanned: Scanned) -> None:
    (described,) = groups_of(scanned.document)
    for path in described:
        with open(os.fsencode(path), "rb") as file:
            assert file.read(1)
    assert max(map(len, described)) == LONG_PATH
    assert sum("\udcff" in path for path in described) == 1
    assert sum("\n" in path for path in described) == 1


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_holds_every_path(scanned: Scanned, suffix: str) -> None:
    expected = groups_of(scanned.document)
    if not suffix.startswith("json"):
        # Only JSON holds bytes that are no text.
        expected = [[readable(path) for path in group] for group in expected]
    assert groups_in(scanned.written(suffix)) == expected


def test_the_json_file_is_what_was_printed(scanned: Scanned) -> None:
    assert scanned.written("json").read_text(encoding="ascii") == scanned.ran.out


def test_the_report_leads_to_every_file(scanned: Scanned) -> None:
    (group,) = report_data(scanned.written("html"), "groups")
    (described,) = groups_of(scanned.document)
    assert [path_behind(image["url"]) for image in images_of(group)] == described
    listed = report_data(scanned.written("html"), "skipped")
    assert sorted(file["path"] for reason in listed for file in reason["files"]) == sorted(
        readable(item["path"]) for item in scanned.document["skipped"]
    )


def test_a_terminal_is_safe_from_names(scanned: Scanned) -> None:
    ran = scanned.copylens.run("scan", scanned.folder.root, "--exclude", "too-long")
    assert (ran.status, ran.err) == (0, "")
    assert all(line.isprintable() for line in ran.out.splitlines())
    strange = [
        scanned.folder.path("sound", name) for name in ("new\nline.png", "undecodable-\udcff\udc80.png")
    ]
    ran = scanned.copylens.run("compare", *strange)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.count("\n") == 4
    assert "new\\nline.png\n" in ran.out
    assert "undecodable-\\xff\\x80.png\n" in ran.out


@pytest.mark.parametrize(
    "name", ["no\nsuch.jpg", "no such \udcff.jpg", "no\x1b[2Jsuch.jpg", "n" * 300, "n/" * 4000]
)
def test_a_strange_name_that_is_not_there_is_one_sentence(run_here: Callable[..., Ran], name: str) -> None:
    ran = run_here("compare", name, name)
    assert ran.status == 2
    assert ran.sentence().isprintable()


def test_descriptors_of_every_image(scanned: Scanned) -> None:
    output = scanned.copylens.home / "descriptors.npz"
    told = scanned.copylens.run("describe", scanned.folder.root, "-o", output, "--json").document()
    with np.load(output) as file:
        paths, rows = file["paths"].tolist(), file["descriptors"]
    assert paths == [readable(path) for path in sorted(shown(scanned.folder))]
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    assert told["images"] == len(rows)
    assert told["skipped"] == scanned.document["skipped"]
