"""Evaluations of small benchmarks and their pages, for the tests that read them as text and in Chromium."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark_folders import build_copydays, build_disc21, build_exam
from copylens.evaluation.benchmarks import open_copydays, open_disc21, open_exam
from copylens.evaluation.page import write_page
from copylens.evaluation.results import Evaluation, FalseMatch, Miss, SystemResult
from copylens.evaluation.running import evaluate
from copylens.evaluation.systems import EvaluationSettings, ModelSystem
from copylens.models import ModelPackage
from copylens.workflows.settings import ModelSettings
from small_models import SmallNetwork
from thumbnail_model import write_thumbnail_model

if TYPE_CHECKING:
    from playwright.sync_api import Page

PART = 12
"""Examples that the page shows at first."""

ALL_DECODED = "() => [...document.images].every((img) => img.complete && img.naturalWidth > 0)"

BOXES = "nodes => nodes.map((n) => { const b = n.getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; })"
"""Left, top, width and height of every node."""

NOON = datetime(2026, 5, 17, 12, 0)


def three_systems(root: Path) -> Evaluation:
    """An exam with edits, strengths and a background; none of the systems finds everything."""
    build_exam(root / "exam", photos=9, negatives=5, background=6)
    packages = [
        write_thumbnail_model(root / "thumbnail"),
        SmallNetwork().package(root / "small"),
        SmallNetwork(seed=1).package(root / "other", name="other"),
    ]
    settings = EvaluationSettings(folder=str(root / "run"), samples=40, command="copylens evaluate exam exam")
    return evaluate(open_exam(root / "exam"), [_system(package) for package in packages], settings)


def disc21(root: Path) -> Evaluation:
    """One system, no edits, no bootstrap."""
    build_disc21(root / "disc21")
    settings = EvaluationSettings(folder=str(root / "run"), samples=0)
    benchmark = open_disc21(root / "disc21", "dev-I", partial=True)
    return evaluate(benchmark, [_system(write_thumbnail_model(root / "thumbnail"))], settings)


def copydays(root: Path) -> Evaluation:
    """Other figures, no background."""
    build_copydays(root / "copydays", originals=8, strong=10, blocks=False, distractors=4)
    settings = EvaluationSettings(folder=str(root / "run"), samples=10)
    benchmark = open_copydays(root / "copydays", "strong", partial=True)
    return evaluate(benchmark, [_system(write_thumbnail_model(root / "thumbnail"))], settings)


def _system(package: ModelPackage) -> ModelSystem:
    return ModelSystem(settings=ModelSettings(model=str(package.directory)))


def written(evaluation: Evaluation, path: Path) -> Path:
    """Write the page, at noon."""
    write_page(path, evaluation, now=lambda: NOON)
    return path


def with_first(evaluation: Evaluation, **changes: Any) -> Evaluation:
    """The same with another first system."""
    first, *others = evaluation.systems
    return replace(evaluation, systems=(replace(first, **changes), *others))


def alone(evaluation: Evaluation, **changes: Any) -> Evaluation:
    """Its first system, changed, and no other."""
    return Evaluation((replace(evaluation.systems[0], **changes),), ())


def pictured(example: Miss | FalseMatch) -> list[str]:
    """The keys of an example's pictures in the order they are shown."""
    other = example.found if isinstance(example, Miss) else example.expected
    return [place.key for place in (example.query, example.reference, other) if place is not None]


def picture_count(system: SystemResult, *, part: int) -> int:
    """How many pictures the first `part` misses and false matches show."""
    shown: list[Miss | FalseMatch] = [*system.misses[:part], *system.false_matches[:part]]
    return sum(len(pictured(example)) for example in shown)


def choose(page: Page, selector: str, value: str) -> None:
    page.locator(selector).select_option(value)


def titles(page: Page) -> list[str]:
    return page.locator("main h2").all_text_contents()


def keys_of(page: Page, section: str) -> list[list[str]]:
    return [card.locator(".name").all_text_contents() for card in page.locator(f"{section} .example").all()]
