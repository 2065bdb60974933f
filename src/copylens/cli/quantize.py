"""``copylens models quantize``: a float model and pictures in; its int8 twin, and what that costs of accuracy, out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, get_args

import typer

from copylens.cli.guard import guarded, printable
from copylens.cli.model_options import OverwriteOption, PackageOutputOption, new_name, print_unmeasured
from copylens.cli.options import EngineOption, PathsArgument, QuietOption, WorkersOption, filled
from copylens.cli.progress import watching

if TYPE_CHECKING:
    from copylens.evaluation.int8_loss import Int8Loss
    from copylens.workflows.quantising import Quantised

Method = Literal["minmax", "average"]

FloatModelArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="NAME|DIR", help="A float model's name, or its directory.", callback=filled)
]
PicturesOption: TypeAlias = Annotated[
    int, typer.Option("--pictures", metavar="N", help="Measure on at most so many, evenly spread.")
]
MethodOption: TypeAlias = Annotated[
    Method,
    typer.Option("--method", metavar="|".join(get_args(Method)), help="How ranges of values are found."),
]
NarrowOption: TypeAlias = Annotated[
    bool,
    typer.Option("--narrow", help="Weights of 7 bits, for processors without VNNI, where 8 can overflow."),
]
ExamOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--exam", metavar="EXAM", help="Evaluate both models on it, and write it down.", callback=filled
    ),
]


def quantize_command(
    name: FloatModelArgument,
    paths: PathsArgument,
    output: PackageOutputOption = None,
    named: Annotated[str | None, new_name("-int8")] = None,
    pictures: PicturesOption = 256,
    method: MethodOption = "minmax",
    narrow: NarrowOption = False,
    exam: ExamOption = None,
    engine: EngineOption = "auto",
    overwrite: OverwriteOption = False,
    workers: WorkersOption = None,
    quiet: QuietOption = False,
) -> None:
    """Make an int8 model of a float one: smaller, faster where processors add bytes, a little less accurate.

    The images show which values the network meets; take some like those that you will describe.
    """
    with guarded():
        from copylens.workflows.quantising import QuantiseSettings, quantise_model
        from copylens.workflows.settings import FileSettings

        settings = QuantiseSettings(
            name=named, output=output, pictures=pictures, method=method, narrow=narrow, overwrite=overwrite
        )
        with watching(quiet=quiet) as progress:
            made = quantise_model(
                name, paths, settings, files=FileSettings(workers=workers), progress=progress
            )
        _print_made(made)
        if exam is not None:
            from copylens.evaluation.int8_loss import measure_int8_loss

            with watching(quiet=quiet) as progress:
                loss = measure_int8_loss(
                    made.source, made.package, exam, engine=engine, workers=workers, progress=progress
                )
            _print_loss(loss)


def _print_made(made: Quantised) -> None:
    package, where = made.package, printable(str(made.package.directory))
    before, after = (size / 1e6 for size in made.sizes)
    typer.echo(
        f"{package.name}: fingerprint {package.fingerprint}, {after:.1f} MB of {before:.1f}, in {where}"
    )
    typer.echo(
        f"Descriptors of {made.pictures} images agree with {made.source.name}'s: cosine {made.cosine:.4f} on average, "
        f"{made.lowest:.4f} at worst."
    )
    print_unmeasured(package, f"that of {made.source.name}")


def _print_loss(loss: Int8Loss) -> None:
    typer.echo(f"µAP on the exam, {loss.engine}: {loss.exact:.4f} in float32, {loss.int8:.4f} in int8.")
    if not loss.is_small:
        from copylens.evaluation.int8_loss import ALLOWED

        typer.echo(
            f"The loss of {loss.loss:.4f} is more than {ALLOWED}: better keep {printable(loss.package.name)}'s "
            "float model."
        )
