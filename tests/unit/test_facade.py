"""The public names: complete, sorted, documented, and free of heavy imports until they are used."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import copylens


def test_all_is_sorted_and_resolves() -> None:
    assert copylens.__all__ == sorted(copylens.__all__)
    assert set(copylens.__all__) == {*copylens._HOMES, "__version__"}
    for name in copylens.__all__:
        assert getattr(copylens, name) is not None


def test_every_public_name_is_documented() -> None:
    for name in set(copylens.__all__) - {"__version__"}:
        item = getattr(copylens, name)
        assert inspect.getdoc(item), name
        for member, value in inspect.getmembers(item, inspect.isfunction):
            if not member.startswith("_") and value.__module__.startswith("copylens"):
                assert inspect.getdoc(value), f"{name}.{member}"


def test_dir_shows_the_public_names() -> None:
    assert dir(copylens) == sorted(copylens.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'scam'"):
        _ = copylens.scam


@pytest.mark.parametrize("module", ["copylens", "copylens.cli.main"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    heavy = {"numpy", "PIL", "onnxruntime", "faiss", "torch"}
    code = f"import sys, {module}; print(*sorted(set(sys.modules) & {heavy}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
