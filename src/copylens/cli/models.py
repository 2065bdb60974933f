"""``copylens models``: what model packages there are, what is in one, whether it is sound, and how to get another."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from copylens.cli.combine import combine_command
from copylens.cli.examine import examine_command, said_of
from copylens.cli.guard import FAILED, USAGE, guarded, printable
from copylens.cli.model_options import OverwriteOption, PackageArgument, PackageOutputOption, print_written
from copylens.cli.options import (
    CatalogOption,
    DeviceOption,
    EngineOption,
    JsonOption,
    PathsArgument,
    PrecisionOption,
    QuietOption,
    filled,
    score,
)
from copylens.cli.progress import watching
from copylens.cli.quantize import quantize_command
from copylens.cli.subtract import subtract_command

if TYPE_CHECKING:
    from copylens.models import ListedModel, ModelPackage, Provenance

models_app = typer.Typer(
    help="Model packages: list, show, verify, calibrate, examine, quantize, combine, subtract, import, pull.",
    invoke_without_command=True,
    rich_markup_mode=None,
)

Layout = Literal["auto", "nchw", "nhwc"]

LayoutOption = Annotated[
    Layout,
    typer.Option(
        "--layout", metavar="|".join(get_args(Layout)), help="Order of the ONNX model's input axes."
    ),
]
SizeOption = Annotated[
    str | None,
    typer.Option("--input-size", metavar="HxW|N", help="Input size, where the file does not say it."),
]
MeanOption = Annotated[
    str | None,
    typer.Option("--mean", metavar="R,G,B", help="Subtracted from pixels in 0..1; default: ImageNet's."),
]
StdOption = Annotated[
    str | None, typer.Option("--std", metavar="R,G,B", help="Pixels are divided by it; default: ImageNet's.")
]
InsideOption = Annotated[
    bool, typer.Option("--normalised-inside", help="The ONNX model normalises pixels of 0..255 itself.")
]


@models_app.callback()
def _root(context: typer.Context) -> None:
    """Model packages: list, show, verify, calibrate, examine, quantize, combine, subtract, import, pull."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(USAGE)


@models_app.command("list")
def list_command(json_: JsonOption = False) -> None:
    """List the model packages that are installed."""
    with guarded():
        from copylens.models import DEFAULT_MODEL, list_models

        found = list_models()
        if json_:
            rows = [
                {
                    "name": m.name,
                    "version": m.version,
                    "dims": m.dims,
                    "origin": m.origin,
                    "directory": str(m.directory),
                    "problem": m.problem,
                }
                for m in found
            ]
            typer.echo(json.dumps({"version": 1, "default": DEFAULT_MODEL, "models": rows}, indent=2))
            return
        width = max((len(model.name) for model in found), default=0)
        for model in found:
            typer.echo(f"{printable(model.name):{width}}  {printable(_said_of(model, DEFAULT_MODEL))}")


@models_app.command("show")
def show_command(name: PackageArgument, json_: JsonOption = False) -> None:
    """Show a model package's card."""
    with guarded():
        from copylens.models import find_model, load_package

        package = load_package(find_model(name))
        if json_:
            card = json.loads((package.directory / "model.json").read_text(encoding="utf-8"))
            typer.echo(json.dumps(card, indent=2))
        else:
            _print_card(package)


@models_app.command("verify")
def verify_command(
    name: PackageArgument,
    device: DeviceOption = "auto",
    engine: EngineOption = "auto",
    precision: PrecisionOption = "float32",
    json_: JsonOption = False,
) -> None:
    """Check that a package is whole and that its engine reproduces the golden descriptors."""
    with guarded():
        from copylens.workflows.verifying import verify_model

        report = verify_model(name, device=device, engine=engine, precision=precision)
        if json_:
            typer.echo(json.dumps(report.to_dict(), indent=2))
        else:
            for check in report.checks:
                typer.echo(f"{'ok    ' if check.passed else 'FAILED'}  {check.name}: {check.detail}")
            failed = sum(not check.passed for check in report.checks)
            typer.echo(f"{failed} of {len(report.checks)} checks failed." if failed else "All checks passed.")
        if not report.passed:
            raise typer.Exit(FAILED)


@models_app.command("calibrate")
def calibrate_command(
    name: PackageArgument,
    paths: PathsArgument,
    false_matches: Annotated[
        float,
        typer.Option("--false-matches", metavar="N", help="Per million pairs of unrelated images."),
    ] = 3.0,
    catalog: CatalogOption = None,
    engine: EngineOption = "auto",
    quiet: QuietOption = False,
) -> None:
    """Measure, on images that are no copies of each other, from which score on two count as copies.

    Writes the thresholds for every --views into the package's model.json.
    """
    with guarded():
        from copylens.workflows.calibrating import calibrate_model

        with watching(quiet=quiet) as progress:
            package = calibrate_model(
                name, paths, false_matches=false_matches, catalog=catalog, engine=engine, progress=progress
            )
        calibration = package.calibration
        typer.echo(f"whole     copies begin at {calibration.threshold:.4f}")
        for views, measured in calibration.views.items():
            loses = f"; the score of a fixed part loses {measured.penalty:.4f}" if measured.penalty else ""
            typer.echo(f"{views:9} copies begin at {measured.threshold:.4f}{loses}")


models_app.command("examine")(examine_command)
models_app.command("quantize")(quantize_command)
models_app.command("combine")(combine_command)
models_app.command("subtract")(subtract_command)


@models_app.command("import")
def import_command(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="An .onnx file, or Meta's .torchscript.pt / .torchvision.pt."),
    ],
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", help="The package's name; default: the file's.", callback=filled
        ),
    ] = None,
    output: PackageOutputOption = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            metavar="SCORE",
            help="Score, from -1 to 1, from which images are copies.",
            callback=score,
        ),
    ] = None,
    layout: LayoutOption = "auto",
    input_size: SizeOption = None,
    mean: MeanOption = None,
    std: StdOption = None,
    normalised_inside: InsideOption = False,
    descriptor: Annotated[
        str | None, typer.Option("--descriptor", metavar="OUTPUT", help="Which output is the descriptor.")
    ] = None,
    licence: Annotated[
        str, typer.Option("--licence", metavar="NAME", help="Licence of the weights.")
    ] = "unknown",
    overwrite: OverwriteOption = False,
) -> None:
    """Turn a model file into a model package."""
    with guarded():
        from copylens.workflows.importing import ImportSettings, import_model, parse_size, parse_triple

        settings = ImportSettings(
            name=name,
            output=output,
            threshold=threshold,
            layout=layout,
            input_size=parse_size(input_size),
            mean=parse_triple("--mean", mean),
            std=parse_triple("--std", std),
            normalised_inside=normalised_inside,
            descriptor=descriptor,
            licence=licence,
            overwrite=overwrite,
        )
        _print_imported(import_model(file, settings))


@models_app.command("pull")
def pull_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A published model, e.g. sscd_disc_mixup.")],
    overwrite: OverwriteOption = False,
    quiet: QuietOption = False,
) -> None:
    """Download a published model, check it and turn it into a package."""
    with guarded():
        from copylens.workflows.importing import pull_model

        with watching(quiet=quiet) as progress:
            package = pull_model(name, overwrite=overwrite, progress=progress)
        _print_imported(package)


def _said_of(model: ListedModel, default: str) -> str:
    if model.problem:
        return f"cannot be used: {model.problem}"
    mark = ", the default" if model.name == default else ""
    return f"version {model.version}, {model.dims} dimensions, {model.origin}{mark}"


def _print_card(package: ModelPackage) -> None:
    spec, calibration = package.input, package.calibration
    rate = calibration.false_matches_per_million_pairs
    rows = {
        "name": f"{package.name} {package.version}",
        "fingerprint": package.fingerprint,
        "descriptor": f"{package.dims} dimensions",
        "arithmetic": package.arithmetic,
        "input": f"{spec.height} x {spec.width} {spec.dtype}, {spec.resize}, {spec.interpolation}",
        "threshold": f"{calibration.threshold:.4f}"
        + (f" ({rate:g} false matches per million unrelated pairs)" if rate is not None else ""),
        **{
            views: f"threshold {measured.threshold:.4f}, fixed parts lose {measured.penalty:.4f}"
            for views, measured in calibration.views.items()
        },
        "background": calibration.background,
        "licence": package.licence,
        "weights": package.provenance.weights,
        "data": package.provenance.data,
        "command": package.provenance.command,
        "hardware": _said_of_training(package.provenance),
        "sources": ", ".join(package.provenance.sources),
        "limits": package.limits,
        "directory": str(package.directory),
    }
    for key, value in [*rows.items(), *(("exam", said_of(result)) for result in package.results)]:
        if value:
            typer.echo(_folded(f"{key:12} {printable(value)}"))


def _said_of_training(provenance: Provenance) -> str:
    if provenance.hours is None:
        return provenance.hardware
    return f"{provenance.hardware}, {provenance.hours:.1f} hours".removeprefix(", ")


def _folded(line: str) -> str:
    """Fold a line at words below its second column where a person reads it; programs get it whole."""
    if not sys.stdout.isatty():
        return line
    columns = max(40, shutil.get_terminal_size().columns)
    return textwrap.fill(
        line, columns, subsequent_indent=" " * 13, break_long_words=False, break_on_hyphens=False
    )


def _print_imported(package: ModelPackage) -> None:
    print_written(package)
    calibration = package.calibration
    typer.echo(f"Images are copies from a score of {calibration.threshold:g} ({calibration.background}).")
    typer.echo(f"Use it with: copylens scan PATH --model {_model_argument(package)}")


def _model_argument(package: ModelPackage) -> str:
    """What ``--model`` takes: the name where it is found under that, else the directory."""
    from copylens.errors import ModelError
    from copylens.models import find_model

    try:
        found = find_model(package.name)
    except ModelError:
        return shlex.quote(str(package.directory))
    return package.name if found == package.directory else shlex.quote(str(package.directory))
