"""``copylens compare``: two pictures in, the verdict on stdout and in the exit status."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from copylens.cli.guard import USAGE, guarded, printable
from copylens.cli.options import (
    DeviceOption,
    EngineOption,
    JsonOption,
    ModelOption,
    PrecisionOption,
    QuietOption,
    ThresholdOption,
    ViewsOption,
    filled,
)

if TYPE_CHECKING:
    from copylens.records import MatchedView
    from copylens.workflows.compare import Comparison

COPY, NOT_A_COPY = 0, 1

VERDICTS = {
    "bytes": "COPY: the files are equal byte for byte",
    "pixels": "COPY: the same pixels, stored differently",
    "near": "COPY: an edited or re-encoded copy",
    None: "NOT A COPY",
}


def compare_command(
    first: Annotated[str, typer.Argument(metavar="A", help="An image file.", callback=filled)],
    second: Annotated[str, typer.Argument(metavar="B", help="Another image file.", callback=filled)],
    views: ViewsOption = "fast",
    threshold: ThresholdOption = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
    model: ModelOption = None,
    device: DeviceOption = "auto",
    engine: EngineOption = "auto",
    precision: PrecisionOption = "float32",
) -> None:
    """Say whether two images are copies.

    The exit status is the answer: 0 a copy, 1 not a copy, 2 an error.
    """
    with guarded(failed=USAGE):
        from copylens.workflows.compare import compare
        from copylens.workflows.describer import load_model

        describer = load_model(model, device=device, engine=engine, precision=precision)
        verdict = compare(first, second, model=describer, views=views, threshold=threshold)
        if json_:
            typer.echo(json.dumps({"version": 1, **verdict.to_dict()}, indent=2))
        elif not quiet:
            _print(verdict)
        raise typer.Exit(COPY if verdict.is_copy else NOT_A_COPY)


def _said_of_view(matched: MatchedView) -> str:
    view = matched.view
    name = "A" if matched.side == "first" else "B"
    box = (
        f"{view.left:.0%} to {view.right:.0%} of its width, {view.top:.0%} to {view.bottom:.0%} of its height"
    )
    turn = "" if view.turn == "none" else f", {view.turn}"
    return f"best seen in a part of {name}: {box}{turn}"


def _print(verdict: Comparison) -> None:
    from copylens.reports import human_bytes

    typer.echo(VERDICTS[verdict.kind])
    if verdict.view is not None:
        typer.echo(_said_of_view(verdict.view))
    limit = f"copies begin at {verdict.threshold:.4f} (model {printable(verdict.model.name)})"
    typer.echo(f"score {verdict.score:.4f}; {limit}")
    files = (verdict.first, verdict.second)
    facts = [f"{file.width} x {file.height} {file.format}, {human_bytes(file.size)}" for file in files]
    width = max(map(len, facts))
    for name, said, file in zip("AB", facts, files, strict=True):
        typer.echo(f"{name}  {said:{width}}  {printable(file.path)}")
