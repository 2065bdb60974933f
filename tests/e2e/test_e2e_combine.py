"""``copylens models combine``: two models become one that is shown, verified and scanned with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from copylens_process import CopyLens, Ran
from generated_pictures import write_pictures
from small_models import SmallNetwork

Run: TypeAlias = Callable[..., Ran]


def test_two_models_become_one(run_here: Run, copylens: CopyLens, tmp_path: Path) -> None:
    write_pictures(copylens.home / "pictures", 5)
    places = [str(SmallNetwork(seed=seed).package(tmp_path / str(seed)).directory) for seed in (0, 1)]
    ran = run_here("models", "combine", *places, "--name", "both")
    assert (ran.status, ran.err) == (0, "")
    first, second = ran.out.splitlines()
    assert first.startswith("both: 32 dimensions, fingerprint ")
    assert first.endswith(f"in {copylens.home / 'models' / 'both'}")
    assert second.startswith(
        "Its threshold, 0.7000, is the mean of theirs; measure it with: copylens models calibrate "
    )
    assert run_here("models", "verify", "both").status == 0
    document = run_here("scan", "pictures", "--model", "both", "--json").document()
    assert (document["summary"]["described"], document["model"]["name"]) == (5, "both")


def test_a_package_is_not_written_over_unless_asked(
    run_here: Run, copylens: CopyLens, tmp_path: Path
) -> None:
    places = [str(SmallNetwork(seed=seed).package(tmp_path / str(seed)).directory) for seed in (0, 1)]
    words = ("models", "combine", *places, "--name", "both")
    assert run_here(*words).status == 0
    refused = run_here(*words)
    assert refused.status != 0
    assert "--overwrite" in refused.err
    assert run_here(*words, "--overwrite").status == 0
