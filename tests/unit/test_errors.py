"""The tree drawn in the docstring is the tree in the code."""

from __future__ import annotations

import inspect
import re

import copylens.errors as errors


def test_the_drawing_is_complete_and_true() -> None:
    drawn: dict[str, str] = {}
    parents: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^    ([│├└─ ]*)(\w+Error)\b", line)
        if found is None:
            continue
        depth = len(found[1]) // 4
        del parents[depth:]
        drawn[found[2]] = parents[-1] if parents else "Exception"
        parents.append(found[2])
    real = {
        name: item.__bases__[0].__name__
        for name, item in inspect.getmembers(errors, inspect.isclass)
        if item.__module__ == errors.__name__
    }
    assert drawn == real


def test_a_missing_extra_says_the_command() -> None:
    error = errors.MissingExtraError("Reading HEIC", "heif")
    assert (
        str(error) == "Reading HEIC needs an optional package; install it with: pip install 'copylens[heif]'"
    )


def test_an_image_error_carries_its_code() -> None:
    error = errors.ImageError("truncated", "it ends too early")
    assert (error.code, str(error)) == ("truncated", "it ends too early")
