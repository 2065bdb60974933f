"""``copylens scan``: folders in; groups, matches and skipped files out, as a summary, JSON or files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from copylens.cli.guard import FAILED, guarded, printable
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
    ThresholdOption,
    WorkersOption,
)
from copylens.cli.progress import watching
from copylens.workflows.settings import DEFAULT_KEEP, FileSettings, ModelSettings

if TYPE_CHECKING:
    from copylens.workflows.result import ScanResult

RESUME = "Interrupted. What was described is kept in the catalog: run the same command again to go on."

AgainstOption = Annotated[
    list[str] | None,
    typer.Option(
        "--against",
        metavar="PATH",
        help="Known images to compare with; they are not compared with each other.",
    ),
]
KeepOption = Annotated[
    str,
    typer.Option(
        "--keep",
        metavar="RULES",
        help="How a group's keeper is chosen: resolution,bytes,format,oldest,newest,path:GLOB.",
    ),
]
OutputOption = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Also write .json, .jsonl, .csv, .parquet or .html; may be repeated.",
    ),
]
HtmlOption = Annotated[
    str | None, typer.Option("--html", metavar="FILE", help="Write the report as one HTML file.")
]
FailOption = Annotated[
    bool, typer.Option("--fail-on-found", help="Exit with status 1 when copies were found.")
]


def scan_command(
    paths: PathsArgument,
    against: AgainstOption = None,
    model: ModelOption = None,
    threshold: ThresholdOption = None,
    keep: KeepOption = DEFAULT_KEEP,
    catalog: CatalogOption = None,
    output: OutputOption = None,
    html: HtmlOption = None,
    json_: JsonOption = False,
    workers: WorkersOption = None,
    device: DeviceOption = "auto",
    engine: EngineOption = "auto",
    precision: PrecisionOption = "float32",
    extensions: ExtensionsOption = None,
    exclude: ExcludeOption = None,
    hidden: HiddenOption = False,
    fail_on_found: FailOption = False,
    quiet: QuietOption = False,
) -> None:
    """Find the copies among the images of one or more folders."""
    with guarded(interrupted=RESUME):
        from copylens.workflows.scan import scan_with

        files = FileSettings.parse(extensions=extensions, exclude=exclude, hidden=hidden, workers=workers)
        outputs = _outputs(output, html)
        with watching(quiet=quiet) as progress:
            result = scan_with(
                paths,
                against=against or (),
                model=ModelSettings(model=model, device=device, engine=engine, precision=precision),
                threshold=threshold,
                keep=keep,
                catalog=catalog,
                files=files,
                progress=progress,
            )
            for path in outputs:
                result.save(path, progress=progress)
        if json_:
            typer.echo(json.dumps(result.to_dict(), indent=2))
        elif not quiet:
            print_summary(result)
            for path in outputs:
                typer.echo(f"Written: {printable(path)}")
        if fail_on_found and result.groups:
            raise typer.Exit(FAILED)


def _outputs(output: list[str] | None, html: str | None) -> list[str]:
    """The files to write; refused before the work starts when they could not be written after it."""
    from copylens.errors import UsageError
    from copylens.reports import check_output

    if html is not None and not html.lower().endswith((".html", ".htm")):
        raise UsageError(f"--html {html}: the report's name must end in .html.")
    outputs = [*(output or ()), *([html] if html else ())]
    for path in outputs:
        check_output(path)
    return outputs


def print_summary(result: ScanResult) -> None:
    """Print the summary for people on stdout."""
    from rich.console import Console

    from copylens.reports import render_summary

    render_summary(result, Console(highlight=False))
