"""``copylens models examine``: a model and an exam in; figures, printed and in the model's card, out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from copylens.cli.guard import guarded, printable
from copylens.cli.model_options import PackageArgument
from copylens.cli.options import EngineOption, JsonOption, QuietOption, WorkersOption, filled
from copylens.cli.progress import watching
from copylens.workflows.settings import ViewsName

if TYPE_CHECKING:
    from copylens.models import ExamResult


def examine_command(
    name: PackageArgument,
    exam: Annotated[
        str,
        typer.Argument(
            metavar="EXAM", help="A folder that `copylens benchmark make` wrote.", callback=filled
        ),
    ],
    views: Annotated[
        list[str] | None,
        typer.Option(
            "--views",
            metavar="|".join(get_args(ViewsName)),
            help="How many views describe a picture; repeated, the model is evaluated with each. Default: whole.",
        ),
    ] = None,
    engine: EngineOption = "auto",
    workers: WorkersOption = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Evaluate a model on an exam, and write the figures into its card."""
    with guarded():
        from copylens.config import to_mapping
        from copylens.evaluation.examining import examine_model
        from copylens.models import find_model, load_package
        from copylens.workflows.viewing import check_views

        chosen = tuple(map(check_views, views or ("whole",)))
        with watching(quiet=quiet) as progress:
            package = examine_model(
                load_package(find_model(name)),
                exam,
                views=chosen,
                engine=engine,
                workers=workers,
                progress=progress,
            )
        if json_:
            document = {
                "version": 1,
                "model": package.name,
                "fingerprint": package.fingerprint,
                "results": [to_mapping(result) for result in package.results],
            }
            typer.echo(json.dumps(document, indent=2))
        elif not quiet:
            for result in package.results:
                typer.echo(said_of(result))


def said_of(result: ExamResult) -> str:
    """Say an exam's result in one line."""
    worst = sorted(result.recall_at_1.items(), key=lambda item: item[1])[:3]
    named = ", ".join(f"{edit} {recall:.2f}" for edit, recall in worst)
    return (
        f"{printable(result.exam)}, {result.views}: µAP {result.micro_average_precision:.3f}, R@P90 "
        f"{result.recall_at_precision_90:.3f}, Acc@1 {result.accuracy_at_1:.3f}"
        + (f"; recall at 1 is lowest for {named}" if named else "")
    )
