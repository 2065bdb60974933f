"""Words of a command line in, an exit status out; the commands live one a file and import what is heavy when they run.

Exit status: 0 done, 1 failed (or found something with ``--fail-on-found``), 2 usage, 130 interrupted, 141 closed pipe.
``copylens compare``: 0 copy, 1 not a copy, 2 error.
"""

from __future__ import annotations

from typing import Annotated

import typer

from copylens.cli import scan
from copylens.cli.benchmark import benchmark_app
from copylens.cli.compare import compare_command
from copylens.cli.describe import describe_command
from copylens.cli.evaluate import evaluate_app
from copylens.cli.guard import USAGE, leave, run
from copylens.cli.models import models_app
from copylens.cli.train import EXAMPLES as TRAIN_EXAMPLES
from copylens.cli.train import train_command
from copylens.version import __version__

app = typer.Typer(
    name="copylens",
    help="Find copies of images, however edited.",
    invoke_without_command=True,
    # Plain help: it reads the same in a terminal, a pipe and a screen reader, and spares the import of rich.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"copylens {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Find copies of images, however edited."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(USAGE)


app.command("scan", epilog=scan.EXAMPLES)(scan.scan_command)
app.command("compare")(compare_command)
app.command("describe")(describe_command)
app.command("train", epilog=TRAIN_EXAMPLES)(train_command)
app.add_typer(models_app, name="models")
app.add_typer(evaluate_app, name="evaluate")
app.add_typer(benchmark_app, name="benchmark")


def main() -> None:
    """Run the ``copylens`` command."""
    leave(run(app))
