"""``copylens models subtract``: a model and pictures become another one, which is verified and scanned with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from copylens_process import CopyLens, Ran
from generated_pictures import write_pictures
from small_models import SmallNetwork

Run: TypeAlias = Callable[..., Ran]


def test_a_model_becomes_another_one(run_here: Run, copylens: CopyLens, tmp_path: Path) -> None:
    write_pictures(copylens.home / "pictures", 24)
    place = str(SmallNetwork().package(tmp_path / "small").directory)
    ran = run_here("models", "subtract", place, "pictures", "--centres", "6", "--share", "0.4")
    assert (ran.status, ran.err) == (0, "")
    first, second = ran.out.splitlines()
    assert first.startswith("small-subtracted: 16 dimensions, fingerprint ")
    assert first.endswith(f"in {copylens.home / 'models' / 'small-subtracted'}")
    assert second.startswith(
        "Its threshold, 0.7000, is that of the model it came from; measure it with: copylens models calibrate "
    )
    assert run_here("models", "verify", "small-subtracted").status == 0
    shown = run_here("models", "show", "small-subtracted", "--json").document()
    assert "less 0.4 of the mean of 6 centres" in shown["provenance"]["weights"]
    document = run_here("scan", "pictures", "--model", "small-subtracted", "--json").document()
    assert (document["summary"]["described"], document["model"]["name"]) == (24, "small-subtracted")


def test_what_cannot_be_is_one_sentence(run_here: Run, copylens: CopyLens, tmp_path: Path) -> None:
    write_pictures(copylens.home / "pictures", 3)
    place = str(SmallNetwork().package(tmp_path / "small").directory)
    few = run_here("models", "subtract", place, "pictures")
    assert (few.status, few.out) == (2, "")
    assert "3 readable pictures are too few" in few.err
    whole = run_here("models", "subtract", place, "pictures", "--share", "1")
    assert whole.status == 2
    assert "--share must lie between 0 and 1, not 1." in whole.err
    assert not (copylens.home / "models" / "small-subtracted").exists()
