"""``copylens describe``: folders in, one file of paths and descriptors out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from copylens.cli.guard import guarded, printable
from copylens.cli.options import (
    CatalogOption,
    DeviceOption,
    EngineOption,
    ExcludeOption,
    ExtensionsOption,
    HiddenOption,
    JsonOption,
    ModelOption,
    PathsArgument,
    PrecisionOption,
    QuietOption,
    WorkersOption,
    filled,
)
from copylens.cli.progress import watching
from copylens.cli.scan import RESUME
from copylens.workflows.settings import FileSettings, ModelSettings

if TYPE_CHECKING:
    from copylens.workflows.describing import Described

LISTED = 10
"""Skipped files that the summary names."""

OutputOption = Annotated[
    str,
    typer.Option(
        "--output", "-o", metavar="FILE", help="The file to write: .npz or .parquet.", callback=filled
    ),
]


def describe_command(
    paths: PathsArgument,
    output: OutputOption,
    json_: JsonOption = False,
    quiet: QuietOption = False,
    extensions: ExtensionsOption = None,
    exclude: ExcludeOption = None,
    hidden: HiddenOption = False,
    catalog: CatalogOption = None,
    model: ModelOption = None,
    device: DeviceOption = "auto",
    engine: EngineOption = "auto",
    precision: PrecisionOption = "float32",
    workers: WorkersOption = None,
) -> None:
    """Write the descriptors of images to a file.

    It holds `paths` (N,) and `descriptors` (N, D) float32, in the order of the paths.
    """
    with guarded(interrupted=RESUME):
        from copylens.reports import check_descriptor_output
        from copylens.workflows.describing import describe_with

        check_descriptor_output(output)
        files = FileSettings.parse(extensions=extensions, exclude=exclude, hidden=hidden, workers=workers)
        with watching(quiet=quiet) as progress:
            described = describe_with(
                paths,
                model=ModelSettings(model=model, device=device, engine=engine, precision=precision),
                catalog=catalog,
                files=files,
                progress=progress,
            )
        described.save(output)
        if json_:
            typer.echo(json.dumps(_document(described, output), indent=2))
        elif not quiet:
            _print(described, output)


def _document(described: Described, output: str) -> dict[str, object]:
    return {
        "version": 1,
        "model": {"name": described.model.name, "fingerprint": described.model.fingerprint},
        "output": output,
        "images": len(described.paths),
        "dims": int(described.descriptors.shape[1]),
        "skipped": [{"path": s.path, "code": s.code, "reason": s.reason} for s in described.skipped],
    }


def _print(described: Described, output: str) -> None:
    from copylens.reports.wording import plural

    count, dims = described.descriptors.shape
    made = f"{plural(count, 'descriptor')} of {dims} dimensions (model {printable(described.model.name)})"
    typer.echo(f"{made} in {printable(output)}")
    skipped = described.skipped
    if skipped:
        typer.echo(f"{plural(len(skipped), 'file')} skipped:")
        for item in skipped[:LISTED]:
            typer.echo(f"  {printable(item.path)}: {printable(item.reason)}")
        if len(skipped) > LISTED:
            typer.echo(f"  ... and {len(skipped) - LISTED:,} more; --json lists them all")
