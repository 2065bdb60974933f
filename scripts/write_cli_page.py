"""The commands' own words in, ``docs/cli.md`` out; a test compares the two, so the page cannot rot.

It is made from the definitions of the commands, not from their help pages, whose look depends on the terminal and on
the version of Typer.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from copylens.cli.main import app

PAGE = Path(__file__).resolve().parent.parent / "docs" / "cli.md"

HEAD = """# The command line

Written by `python scripts/write_cli_page.py` from the commands themselves.

Results go to stdout, messages to stderr. While a command works it draws a progress bar on stderr, where that is a
terminal. `python -m copylens` is the same as `copylens`. Every command explains itself with `--help`, and
`copylens --install-completion` teaches your shell to complete commands and options.
"""

TYPERS_OWN = {"install_completion", "show_completion"}
"""Options whose words are Typer's, and change with its version and the shell."""

TAIL = """## Exit status

| status | meaning |
|---|---|
| 0 | done; for `compare`: a copy, or one holds the other |
| 1 | failed; for `scan --fail-on-found`: copies were found; for `compare`: neither |
| 2 | a wrong option or path; for `compare`: any error |
| 130 | interrupted; what was described is kept, run the same command again to go on |
| 141 | the reader of stdout went away |

An error is one sentence on stderr that says what was wrong, with which file or option, and what to do.

## Environment

| variable | meaning |
|---|---|
| `COPYLENS_MODEL` | as `--model` |
| `COPYLENS_CATALOG` | as `--catalog` |
| `COPYLENS_CACHE_DIR` | folder of the default catalogs |
| `COPYLENS_MODELS_DIR` | folder of imported model packages |
"""


def page() -> str:
    """Return the whole page as Markdown."""
    commands = list(walk(get_command(app), "copylens"))
    rows = [
        f"| [`{title}`](#{title.replace(' ', '-')}) | {summary(command)} |" for title, command in commands[1:]
    ]
    index = "\n".join(["| command | what it does |", "|---|---|", *rows, ""])
    return "\n".join([HEAD, index, *(section(title, command) for title, command in commands), TAIL])


def walk(command: Any, title: str) -> Iterator[tuple[str, Any]]:
    """Yield each command with its words, in the order of ``--help``."""
    yield title, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from walk(inner, f"{title} {name}")


def summary(command: Any) -> str:
    """Return the first line of a command's help."""
    return str(command.help).strip().splitlines()[0]


def section(title: str, command: Any) -> str:
    """Return a command's part of the page."""
    parts = [f"## `{title}`", unwrapped(command.help)]
    words = [spelling(parameter) for parameter in command.params if is_argument(parameter)]
    if hasattr(command, "commands"):
        words = ["COMMAND ..."]
    parts.append(f"```\n{' '.join([title, '[OPTIONS]', *words])}\n```")
    rows = [
        f"| {cell(spelling(parameter))} | {meaning(parameter)} |"
        for parameter in command.params
        if parameter.name not in TYPERS_OWN
    ]
    if rows:
        parts.append("\n".join(["| argument, option | meaning |", "|---|---|", *rows]))
    if command.epilog:
        label, *lines = command.epilog.replace("\b", "").strip().splitlines()
        examples = "\n".join(line.strip() for line in lines)
        parts.append(f"{label}\n\n```sh\n{examples}\n```")
    return "\n\n".join(parts) + "\n"


def unwrapped(text: str) -> str:
    """Return a help text with one line for each paragraph."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n"))


def is_argument(parameter: Any) -> bool:
    """Whether a parameter has its place instead of a name."""
    return bool(parameter.param_type_name == "argument")


def spelling(parameter: Any) -> str:
    """Return how a parameter is written on the command line."""
    if is_argument(parameter):
        return f"{parameter.metavar}{'...' if parameter.nargs == -1 else ''}"
    value = "" if parameter.is_flag else f" {parameter.metavar}"
    return ", ".join(sorted(parameter.opts, key=len)) + value


def cell(text: str) -> str:
    """Return code for a cell of a table, where a bare ``|`` would end it."""
    return "`" + text.replace("|", "\\|") + "`"


def meaning(parameter: Any) -> str:
    """Return what a parameter means: its help, its default, its environment variable."""
    parts = [parameter.help]
    if not is_argument(parameter) and not parameter.is_flag:
        if parameter.required:
            parts.append("Required.")
        if isinstance(parameter.default, (str, int, float)):
            parts.append(f"Default: `{parameter.default}`.")
        if parameter.envvar:
            parts.append(f"Environment: `{parameter.envvar}`.")
    return " ".join(parts).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"written: {PAGE.name}")
