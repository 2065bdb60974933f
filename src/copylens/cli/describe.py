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
)
from copylens.cli.progress import watching
from copylens.cli.scan import RESUME
from copylens.workflows.settings import FileSettings, ModelSettings

if TYPE_CHECKING:
    from copylens.workflows.describing import Described

OutputOption = Annotated[
    str, typer.Option("--output", "-o", metavar="FILE", help="The file to write: .npz, or .parquet.")
]


def describe_command(
    paths: PathsArgument,
    output: OutputOption,
    model: ModelOption = None,
    catalog: CatalogOption = None,
    json_: JsonOption = False,
    workers: WorkersOption = None,
    device: DeviceOption = "auto",
    engine: EngineOption = "auto",
    precision: PrecisionOption = "float32",
    extensions: ExtensionsOption = None,
    exclude: ExcludeOption = None,
    hidden: HiddenOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write the descriptors of images: `paths` (N,) and `descriptors` (N, D) float32, in sorted path order."""
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
    count, dims = described.descriptors.shape
    typer.echo(f"{count:,} descriptors of {dims} dimensions ({described.model.name}) in {printable(output)}")
    if described.skipped:
        typer.echo(f"{len(described.skipped):,} files skipped:")
        for item in described.skipped:
            typer.echo(f"  {printable(item.path)}: {item.reason}")
