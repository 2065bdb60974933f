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
)

if TYPE_CHECKING:
    from copylens.workflows.compare import Comparison

COPY, NOT_A_COPY = 0, 1

VERDICTS = {
    "bytes": "COPY: the files are equal byte for byte",
    "pixels": "COPY: the same pixels, stored differently",
    "near": "COPY: an edited or re-encoded copy",
    None: "NOT A COPY",
}


def compare_command(
    first: Annotated[str, typer.Argument(metavar="A", help="An image file.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Another image file.")],
    model: ModelOption = None,
    threshold: ThresholdOption = None,
    json_: JsonOption = False,
    device: DeviceOption = "auto",
    engine: EngineOption = "auto",
    precision: PrecisionOption = "float32",
    quiet: QuietOption = False,
) -> None:
    """Say whether two images are copies: exit status 0 copy, 1 not a copy, 2 error."""
    with guarded(failed=USAGE):
        from copylens.workflows.compare import compare
        from copylens.workflows.describer import load_model

        describer = load_model(model, device=device, engine=engine, precision=precision)
        verdict = compare(first, second, model=describer, threshold=threshold)
        if json_:
            typer.echo(json.dumps(verdict.to_dict(), indent=2))
        elif not quiet:
            _print(verdict)
        raise typer.Exit(COPY if verdict.is_copy else NOT_A_COPY)


def _print(verdict: Comparison) -> None:
    from copylens.reports import human_bytes

    typer.echo(VERDICTS[verdict.kind])
    typer.echo(f"score {verdict.score:.4f}, threshold {verdict.threshold:.4f} ({verdict.model.name})")
    for name, facts in (("A", verdict.first), ("B", verdict.second)):
        typer.echo(
            f"{name}  {facts.width} x {facts.height} {facts.format}, {human_bytes(facts.size)}  {printable(facts.path)}"
        )
