"""Help: complete, quick to load, and the same as docs/cli.md."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.main import get_command

from copylens.cli.main import app
from copylens_process import CopyLens, ended

ROOT = Path(__file__).resolve().parents[2]

HEAVY = {
    *(
        "PIL",
        "faiss",
        "jinja2",
        "numpy",
        "onnx",
        "onnxruntime",
        "openvino",
        "pandas",
        "pi_heif",
        "pyarrow",
        "rich",
    ),
    *("scipy", "sklearn", "sqlite3", "timm", "torch", "torchvision"),
}
"""What help must not wait for."""

LISTS_MODULES = """
import sys
from copylens.cli.main import main
for words in {lines!r}:
    sys.argv = ["copylens", *words, "--help"]
    try:
        main()
    except SystemExit as stop:
        assert stop.code == 0, (words, stop.code)
print(*sorted({{name.partition(".")[0] for name in sys.modules}}), file=sys.stderr)
"""


def commands(command: Any = None, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with its words."""
    command = command or get_command(app)
    yield words, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*words, name))


def test_help_of_every_command_loads_nothing_heavy(copylens: CopyLens) -> None:
    lines = [words for words, _ in commands()]
    assert len(lines) > 9
    program = LISTS_MODULES.format(lines=lines)
    ran = ended(
        subprocess.Popen(
            [sys.executable, "-c", program],
            env=copylens.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    )
    assert ran.status == 0
    for words in lines:
        assert f"Usage: copylens {' '.join(words)}".rstrip() in ran.out
    loaded = set(ran.err.split())
    assert {"copylens", "typer"} <= loaded
    assert loaded & HEAVY == set()


def test_every_command_and_option_explains_itself() -> None:
    for words, command in commands():
        assert command.help.strip().endswith("."), words
        for parameter in command.params:
            assert parameter.help, (words, parameter.name)
            assert parameter.help.strip()[0].isupper(), (words, parameter.help)
            assert parameter.help.strip().endswith("."), (words, parameter.help)


def test_the_page_is_what_the_script_writes() -> None:
    script = load_script()
    assert script.PAGE == ROOT / "docs" / "cli.md"
    assert script.PAGE.read_text(encoding="utf-8") == script.page(), "run: python scripts/write_cli_page.py"


def test_the_page_does_not_depend_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    script = load_script()
    for width, term, colour in (("20", "dumb", "NO_COLOR"), ("300", "xterm-256color", "FORCE_COLOR")):
        monkeypatch.setenv("COLUMNS", width)
        monkeypatch.setenv("TERM", term)
        monkeypatch.setenv(colour, "1")
        assert script.page() == script.PAGE.read_text(encoding="utf-8")


def test_the_page_has_every_command_and_option() -> None:
    page = load_script().PAGE.read_text(encoding="utf-8")
    for words, command in commands():
        section = page.split(f"## `{' '.join(['copylens', *words])}`\n")[1].split("\n## ")[0]
        for parameter in command.params:
            if "completion" not in parameter.name:
                for name in parameter.opts:
                    assert (
                        parameter.metavar if parameter.param_type_name == "argument" else name
                    ) in section.replace("\\|", "|"), (words, name)


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_cli_page", ROOT / "scripts" / "write_cli_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("words", [(), ("models",)])
def test_without_a_command_it_shows_help_with_status_2(copylens: CopyLens, words: tuple[str, ...]) -> None:
    ran = copylens.run(*words)
    assert (ran.status, ran.err) == (2, "")
    assert re.match(rf"Usage: (python -m )?{' '.join(['copylens', *words])} \[OPTIONS\] COMMAND", ran.out)
    assert ran.out == copylens.run(*words, "--help").out


def test_the_version_is_said(copylens: CopyLens) -> None:
    from copylens import __version__

    assert copylens.run("--version").out == f"copylens {__version__}\n"


def test_it_runs_as_a_module_too(copylens: CopyLens) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "copylens", "scan", "nowhere"],
        cwd=copylens.folder,
        env=copylens.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    ran = ended(process)
    assert (ran.status, ran.sentence()) == (2, "nowhere: no such file or folder.")
