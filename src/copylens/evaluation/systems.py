"""What is to be evaluated and how, as frozen dataclasses: models, saved descriptors, settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from copylens.errors import UsageError
from copylens.evaluation.nouns import CandidateRule
from copylens.workflows.settings import ModelSettings, ViewsName


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSystem:
    """A model package that describes the pictures.

    Attributes:
        settings: which one, and on what it runs.
        label: its name in tables; empty takes the package's.
        views: how many views describe each picture.
    """

    settings: ModelSettings = field(default_factory=ModelSettings)
    label: str = ""
    views: ViewsName = "whole"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedSystem:
    """Descriptors of any tool in a file.

    Attributes:
        path: a .npz file with ``paths`` (N,) and ``descriptors`` (N, D), as ``copylens describe`` writes.
        label: its name in tables; empty takes the file's.
    """

    path: str
    label: str = ""


System: TypeAlias = ModelSystem | SavedSystem


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSettings:
    """How systems are evaluated.

    Attributes:
        folder: the run folder; None takes one in the user's cache, named by the benchmark and its digest.
        chains: post-processing, one text for each variant; every system runs with each of them.
        rule: which candidates are judged; None takes the benchmark's own.
        background_is_required: whether saved descriptors without the background are refused; else such a system goes
            without score normalisation.
        samples: of the bootstrap; 0 leaves the intervals out.
        level: of the intervals.
        seed: of the bootstrap.
        workers: decoding threads; None takes one per processor.
        command: the command line, for the record.
    """

    folder: str | None = None
    chains: tuple[str, ...] = ("none",)
    rule: CandidateRule | None = None
    background_is_required: bool = False
    samples: int = 1000
    level: float = 0.95
    seed: int = 0
    workers: int | None = None
    command: str = ""

    def __post_init__(self) -> None:
        if not self.chains:
            raise UsageError('Give at least one post-processing chain; "none" changes nothing.')
        if self.samples < 0:
            raise UsageError(f"--samples must be 0 or more, got {self.samples}.")
        if not 0 < self.level < 1:
            raise UsageError(f"The level of the intervals must lie between 0 and 1, got {self.level}.")
