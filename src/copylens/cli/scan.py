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
    ViewsOption,
    WorkersOption,
    filled,
)
from copylens.cli.progress import watching
from copylens.workflows.settings import DEFAULT_KEEP, FileSettings, ModelSettings

if TYPE_CHECKING:
    from copylens.workflows.result import ScanResult

EXAMPLES = """\b
Examples:
  copylens scan photos/ --html report.html
  copylens scan new/ --against photos/ --fail-on-found
  copylens scan photos/ --views thorough
  copylens scan photos/ --keep path:originals,resolution,oldest --json
"""

RESUME = "Interrupted. What was described is kept in the catalog: run the same command again to go on."

AgainstOption = Annotated[
    list[str] | None,
    typer.Option(
        "--against",
        metavar="PATH",
        help="Known images to compare with, which are not compared with each other; may be repeated.",
        callback=filled,
    ),
]
KeepOption = Annotated[
    str,
    typer.Option(
        "--keep",
        metavar="RULES",
        help="What chooses a group's keeper, most important first: resolution, bytes, format, oldest, newest, "
        "path:GLOB; with commas between.",
    ),
]
OutputOption = Annotated[
    list[str] | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Also write the result as .json, .jsonl, .csv, .parquet or .html; may be repeated.",
        callback=filled,
    ),
]
HtmlOption = Annotated[
    str | None,
    typer.Option(
        "--html", metavar="FILE", help="Write the report with pictures, as one HTML file.", callback=filled
    ),
]
FailOption = Annotated[
    bool,
    typer.Option(
        "--fail-on-found", help="Exit with status 1 when copies, or pictures in pictures, were found."
    ),
]


def scan_command(
    paths: PathsArgument,
    against: AgainstOption = None,
    views: ViewsOption = "fast",
    threshold: ThresholdOption = None,
    keep: KeepOption = DEFAULT_KEEP,
    html: HtmlOption = None,
    output: OutputOption = None,
    json_: JsonOption = False,
    fail_on_found: FailOption = False,
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
                views=views,
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
            _print(result, outputs)
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


def _print(result: ScanResult, outputs: list[str]) -> None:
    from rich.console import Console

    from copylens.reports import render_summary

    render_summary(result, Console(highlight=False))
    for path in outputs:
        typer.echo(f"Written: {printable(path)}")
    if result.groups and not outputs:
        typer.echo("To look at every group, add: --html report.html")
