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

FOUND, NOTHING = 0, 1

VERDICTS = {
    "bytes": "COPY: the files are equal byte for byte",
    "pixels": "COPY: the same pixels, stored differently",
    "near": "COPY: an edited or re-encoded copy",
    "part": "PICTURE IN A PICTURE: one holds the other, and neither is a copy to remove",
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
    """Say whether two images are copies, or one holds the other.

    The exit status is the answer: 0 a copy, or one holds the other; 1 neither; 2 an error.
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
        raise typer.Exit(NOTHING if verdict.kind is None else FOUND)


def _said_of_view(matched: MatchedView, *, found: bool) -> str:
    from copylens.records import View
    from copylens.reports import turn_words

    view = matched.view
    name, other = ("A", "B") if matched.side == "first" else ("B", "A")
    turn = turn_words(view.turn)
    if View(turn=view.turn) == view:
        return f"{name} is {other}, {turn}" if found else f"most alike: {other}, and {name} as if {turn}"
    said = f"{name} holds {other} in a part of it" if found else f"most alike: {other}, and a part of {name}"
    across, down = (f"{a:.0%} to {b:.0%}" for a, b in ((view.left, view.right), (view.top, view.bottom)))
    return f"{said}: {across} of its width, {down} of its height{turn and f', {turn}'}"


def _print(verdict: Comparison) -> None:
    from copylens.reports import human_bytes

    typer.echo(VERDICTS[verdict.kind])
    if verdict.view is not None:
        typer.echo(_said_of_view(verdict.view, found=verdict.kind is not None))
    limit = f"copies begin at {verdict.threshold:.4f} (model {printable(verdict.model.name)})"
    typer.echo(f"score {verdict.score:.4f}; {limit}")
    files = (verdict.first, verdict.second)
    facts = [f"{file.width} x {file.height} {file.format}, {human_bytes(file.size)}" for file in files]
    width = max(map(len, facts))
    for name, said, file in zip("AB", facts, files, strict=True):
        typer.echo(f"{name}  {said:{width}}  {printable(file.path)}")
