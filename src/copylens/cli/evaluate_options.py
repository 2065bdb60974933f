"""The options that every benchmark of ``copylens evaluate`` shares in; systems and settings out."""

from __future__ import annotations

import inspect
import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, get_args, get_type_hints

import typer

from copylens.cli.options import (
    DeviceOption,
    EngineOption,
    JsonOption,
    PrecisionOption,
    QuietOption,
    WorkersOption,
    filled,
)
from copylens.workflows.settings import ViewsName

if TYPE_CHECKING:
    from copylens.evaluation.nouns import Benchmark, CandidateRule
    from copylens.evaluation.systems import EvaluationSettings, System

MarkdownOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--markdown", metavar="FILE", help="Also write the tables as Markdown, .md.", callback=filled
    ),
]

HtmlOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--html",
        metavar="FILE",
        help="Also write the page with charts and pictures here, .html; the run folder always has it.",
        callback=filled,
    ),
]


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The options of every benchmark."""

    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="NAME|DIR",
            help="Model package to evaluate; may be repeated. Default: COPYLENS_MODEL, or the bundled one.",
            callback=filled,
        ),
    ] = None
    descriptors: Annotated[
        list[str] | None,
        typer.Option(
            "--descriptors",
            metavar="[NAME=]FILE",
            help="Descriptors of any tool in a .npz file as `copylens describe` writes; may be repeated.",
            callback=filled,
        ),
    ] = None
    post: Annotated[
        list[str] | None,
        typer.Option(
            "--post",
            metavar="CHAIN",
            help="Post-processing, e.g. centre, pcaw256, sn, with commas between; repeated, each chain is evaluated.",
            callback=filled,
        ),
    ] = None
    views: Annotated[
        list[str] | None,
        typer.Option(
            "--views",
            metavar="|".join(get_args(ViewsName)),
            help="How many views describe a picture; repeated, each model is evaluated with each. Default: whole.",
        ),
    ] = None
    training: Annotated[
        str | None,
        typer.Option(
            "--training",
            metavar="DIR",
            help="Unrelated pictures that centring and PCA learn from.",
            callback=filled,
        ),
    ] = None
    background: Annotated[
        str | None,
        typer.Option(
            "--background",
            metavar="DIR",
            help="Unrelated pictures for score normalisation; default: the benchmark's, if it has some.",
            callback=filled,
        ),
    ] = None
    candidates: Annotated[
        int | None,
        typer.Option(
            "--candidates", metavar="K", help="Judge the K best of each query; default: as the benchmark."
        ),
    ] = None
    best_overall: Annotated[
        int | None, typer.Option("--best-overall", metavar="N", help="Judge the N best pairs of all queries.")
    ] = None
    samples: Annotated[
        int, typer.Option("--samples", metavar="N", help="Bootstrap samples; 0 leaves intervals out.")
    ] = 1000
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the bootstrap.")] = 0
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Run folder for descriptors, predictions, result.json and result.html; default: in your cache folder.",
            callback=filled,
        ),
    ] = None
    markdown: MarkdownOption = None
    html: HtmlOption = None
    json_: JsonOption = False
    quiet: QuietOption = False
    device: DeviceOption = "auto"
    engine: EngineOption = "auto"
    precision: PrecisionOption = "float32"
    workers: WorkersOption = None

    def systems(self) -> list[System]:
        """What is evaluated: models, then saved descriptors."""
        from copylens.evaluation.systems import ModelSystem, SavedSystem
        from copylens.workflows.settings import ModelSettings
        from copylens.workflows.viewing import check_views

        models: list[str | None] = [*(self.model or ())]
        if not models and not self.descriptors:
            models = [os.environ.get("COPYLENS_MODEL") or None]
        systems: list[System] = [
            ModelSystem(
                settings=ModelSettings(
                    model=name, device=self.device, engine=self.engine, precision=self.precision
                ),
                views=views,
            )
            for name in models
            for views in dict.fromkeys(map(check_views, self.views or ("whole",)))
        ]
        for word in self.descriptors or ():
            label, equals, path = word.partition("=")
            named = bool(equals) and not Path(word).exists()
            systems.append(SavedSystem(path=path, label=label) if named else SavedSystem(path=word))
        return systems

    def settings(self) -> EvaluationSettings:
        """How they are evaluated; raises UsageError."""
        from copylens.evaluation.systems import EvaluationSettings
        from copylens.workflows.settings import FileSettings

        return EvaluationSettings(
            folder=self.output,
            chains=tuple(self.post or ("none",)),
            rule=self._rule(),
            background_is_required=self.background is not None,
            samples=self.samples,
            seed=self.seed,
            workers=FileSettings(workers=self.workers).workers,
            command=shlex.join(["copylens", *sys.argv[1:]]),
        )

    def _rule(self) -> CandidateRule | None:
        from copylens.errors import UsageError
        from copylens.evaluation.nouns import CandidateRule

        for name, count in (("--candidates", self.candidates), ("--best-overall", self.best_overall)):
            if count is not None and count < 1:
                raise UsageError(f"{name} must be at least 1, got {count}.")
        if self.candidates is not None and self.best_overall is not None:
            raise UsageError("--candidates and --best-overall are two rules for one list; give one of them.")
        if self.best_overall is not None:
            return CandidateRule(per_query=None, overall=self.best_overall)
        return None if self.candidates is None else CandidateRule(per_query=self.candidates)

    def with_own_pictures(self, benchmark: Benchmark) -> Benchmark:
        """The benchmark with the user's training and background pictures in place of its own."""
        from copylens.evaluation.benchmarks import list_pictures

        if self.training is not None:
            benchmark = replace(
                benchmark, training=list_pictures(self.training, noun="the training pictures")
            )
        if self.background is not None:
            benchmark = replace(
                benchmark, background=list_pictures(self.background, noun="the background pictures")
            )
        return benchmark


def with_run_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the `RunOptions`, collected in its argument ``options``."""
    hints = get_type_hints(RunOptions, include_extras=True)
    own = inspect.signature(command, eval_str=True).parameters.values()
    shared = [
        inspect.Parameter(
            option.name, inspect.Parameter.KEYWORD_ONLY, default=option.default, annotation=hints[option.name]
        )
        for option in fields(RunOptions)
    ]

    def run(**words: Any) -> None:
        options = RunOptions(**{option.name: words.pop(option.name) for option in fields(RunOptions)})
        command(**words, options=options)

    # Typer reads options from the signature.
    kept = [parameter for parameter in own if parameter.name != "options"]
    run.__signature__ = inspect.Signature([*kept, *shared])  # type: ignore[attr-defined]
    run.__doc__, run.__name__ = command.__doc__, command.__name__
    return run
