"""``copylens evaluate``: a benchmark and systems in; figures out, as tables, JSON or files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from copylens.cli.evaluate_options import HtmlOption, MarkdownOption, RunOptions, with_run_options
from copylens.cli.guard import USAGE, guarded, printable
from copylens.cli.options import JsonOption, QuietOption, filled
from copylens.cli.progress import watching

if TYPE_CHECKING:
    from copylens.evaluation.nouns import Benchmark
    from copylens.evaluation.results import Evaluation

EXAMPLES = """\b
Examples:
  copylens evaluate exam my-exam/
  copylens evaluate exam my-exam/ --model first --model second --markdown table.md
  copylens evaluate pairs queries/ originals/ truth.csv --descriptors other-tool=rows.npz
  copylens evaluate disc21 DISC21/ --split dev-I --post pcaw512,sn
"""

RESUME = "Interrupted. What was described is kept in the run folder: run the same command again to go on."

evaluate_app = typer.Typer(
    help="Measure how well systems find copies.", invoke_without_command=True, rich_markup_mode=None
)


@evaluate_app.callback()
def _root(context: typer.Context) -> None:
    """Measure how well systems find copies."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(USAGE)


FolderArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="FOLDER", help="The benchmark's folder.", callback=filled)
]
PartialOption: TypeAlias = Annotated[
    bool, typer.Option("--partial", help="Take what is there of an incomplete benchmark; the split says so.")
]


@evaluate_app.command("exam", epilog=EXAMPLES)
@with_run_options
def exam_command(
    folder: Annotated[
        str,
        typer.Argument(
            metavar="EXAM", help="A folder that `copylens benchmark make` wrote.", callback=filled
        ),
    ],
    options: RunOptions,
) -> None:
    """Evaluate on an exam of your own."""
    with guarded(interrupted=RESUME):
        from copylens.evaluation.benchmarks import open_exam

        _run(lambda: open_exam(folder), options)


@evaluate_app.command("disc21")
@with_run_options
def disc21_command(
    folder: FolderArgument,
    options: RunOptions,
    split: Annotated[
        str, typer.Option("--split", metavar="dev|dev-I|dev-II|test", help="Which queries.", callback=filled)
    ] = "dev",
    partial: PartialOption = False,
) -> None:
    """Evaluate on DISC2021."""
    with guarded(interrupted=RESUME):
        from copylens.evaluation.benchmarks import open_disc21

        _run(lambda: open_disc21(folder, split, partial=partial), options)


@evaluate_app.command("copydays")
@with_run_options
def copydays_command(
    folder: FolderArgument,
    options: RunOptions,
    split: Annotated[
        str, typer.Option("--split", metavar="NAME", help="Which queries, e.g. strong.", callback=filled)
    ] = "strong",
    distractors: Annotated[
        str | None,
        typer.Option(
            "--distractors",
            metavar="DIR",
            help="Pictures that are searched, too, and match nothing.",
            callback=filled,
        ),
    ] = None,
    partial: PartialOption = False,
) -> None:
    """Evaluate on Copydays."""
    with guarded(interrupted=RESUME):
        from copylens.evaluation.benchmarks import open_copydays

        _run(lambda: open_copydays(folder, split, distractors=distractors, partial=partial), options)


@evaluate_app.command("ndec")
@with_run_options
def ndec_command(
    folder: FolderArgument,
    options: RunOptions,
    disc21: Annotated[
        str | None,
        typer.Option("--disc21", metavar="DIR", help="DISC2021, where it lies elsewhere.", callback=filled),
    ] = None,
    partial: PartialOption = False,
) -> None:
    """Evaluate on NDEC, whose wrong references look much alike."""
    with guarded(interrupted=RESUME):
        from copylens.evaluation.benchmarks import open_ndec

        _run(lambda: open_ndec(folder, disc21_folder=disc21, partial=partial), options)


@evaluate_app.command("pairs")
@with_run_options
def pairs_command(
    queries: Annotated[
        str, typer.Argument(metavar="QUERIES", help="A folder of pictures to ask about.", callback=filled)
    ],
    references: Annotated[
        str, typer.Argument(metavar="REFERENCES", help="A folder of pictures to search.", callback=filled)
    ],
    truth: Annotated[
        str,
        typer.Argument(
            metavar="TRUTH", help="A CSV file with the columns query and reference.", callback=filled
        ),
    ],
    options: RunOptions,
) -> None:
    """Evaluate on pictures of your own and the pairs among them."""
    with guarded(interrupted=RESUME):
        from copylens.evaluation.benchmarks import open_pairs

        _run(lambda: open_pairs(queries, references, truth), options)


@evaluate_app.command("show")
def show_command(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="The run folder of an evaluation.", callback=filled)
    ],
    markdown: MarkdownOption = None,
    html: HtmlOption = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Print an evaluation again, from its run folder alone."""
    with guarded():
        from copylens.evaluation.page import PAGE, write_page
        from copylens.evaluation.running import load_evaluation

        _check_outputs(markdown, html)
        evaluation = load_evaluation(run)
        # The run folder's own page stays: its pictures may be gone by now.
        if html is not None:
            with watching(quiet=quiet) as progress:
                write_page(html, evaluation, progress=progress)
        _put_out(evaluation, markdown, html, Path(run) / PAGE, json_=json_, quiet=quiet)


def _run(open_benchmark: Callable[[], Benchmark], options: RunOptions) -> None:
    from copylens.evaluation.page import PAGE, copy_page, write_page
    from copylens.evaluation.running import Run

    # What is wrong in the options shows before a folder with a million pictures is read.
    _check_outputs(options.markdown, options.html)
    systems, settings = options.systems(), options.settings()
    benchmark = options.with_own_pictures(open_benchmark())
    with watching(quiet=options.quiet) as progress:
        run = Run.prepare(benchmark, settings, progress=progress)
        evaluation = run.evaluate(systems)
        page = run.folder / PAGE
        write_page(page, evaluation, progress=progress)
    if options.html is not None:
        copy_page(page, options.html)
    _put_out(evaluation, options.markdown, options.html, page, json_=options.json_, quiet=options.quiet)
    if not (options.json_ or options.quiet):
        typer.echo(f"Run folder: {printable(str(run.folder))}")


def _check_outputs(markdown: str | None, html: str | None) -> None:
    """Refuse a file that could not be written, before the work starts."""
    from copylens.reports.atomic import check_writable

    for path, suffixes in ((markdown, (".md",)), (html, (".html", ".htm"))):
        if path is not None:
            check_writable(path, suffixes)


def _put_out(
    evaluation: Evaluation, markdown: str | None, html: str | None, page: Path, *, json_: bool, quiet: bool
) -> None:
    """Write the Markdown, print, and name what was written; `page` is the run folder's, where it has one."""
    from copylens.evaluation.documents import to_document, write_markdown

    if markdown is not None:
        write_markdown(markdown, evaluation)
    if json_:
        typer.echo(json.dumps(to_document(evaluation), indent=2))
    elif not quiet:
        _print(evaluation)
        for path in filter(None, (markdown, html)):
            typer.echo(f"Written: {printable(path)}")
        if page.is_file():
            typer.echo(f"Page: {printable(str(page))}")


def _print(evaluation: Evaluation) -> None:
    from rich.console import Console

    from copylens.evaluation.console import render

    class Stdout(Console):
        def on_broken_pipe(self) -> None:
            # Rich would end the process with a status of its own.
            raise BrokenPipeError

    render(evaluation, Stdout(highlight=False))
