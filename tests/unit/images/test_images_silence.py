"""Silence: Pillow's remarks are swallowed, everybody else's warnings and an application's own log are not."""

from __future__ import annotations

import logging
import subprocess
import sys
import warnings

import pytest

from copylens.images.silence import silence_decoders


def test_pillows_warnings_are_ignored_and_others_are_not() -> None:
    with warnings.catch_warnings(record=True, action="always") as heard:
        silence_decoders()
        warnings.warn_explicit("damaged", UserWarning, "f", 1, module="PIL.TiffImagePlugin")
        warnings.warn_explicit("large", UserWarning, "f", 2, module="PIL.Image")
        warnings.warn_explicit("mine", UserWarning, "f", 3, module="PILOT")
    assert [str(warning.message) for warning in heard] == ["mine"]


def test_the_filter_is_put_in_once_and_again_after_a_reset() -> None:
    with warnings.catch_warnings():
        warnings.resetwarnings()
        for _ in range(3):
            silence_decoders()
        assert len(warnings.filters) == 1
        warnings.resetwarnings()
        silence_decoders()
        assert len(warnings.filters) == 1


def test_an_application_still_hears_pillows_log(caplog: pytest.LogCaptureFixture) -> None:
    silence_decoders()
    with caplog.at_level(logging.ERROR):
        logging.getLogger("PIL.TiffImagePlugin").error("More samples per pixel than can be decoded: 9")
    assert caplog.messages == ["More samples per pixel than can be decoded: 9"]


def test_pillows_log_does_not_reach_the_terminal_by_default() -> None:
    code = (
        "import logging, sys; from copylens.images.silence import silence_decoders;"
        "silence_decoders(); logging.getLogger('PIL.TiffImagePlugin').error('damaged')"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stderr == ""


def test_importing_the_room_changes_nothing() -> None:
    """Silence begins with the first picture, not with the import."""
    code = (
        "import warnings, logging, copylens.images;"
        "assert copylens.images.silence._PILLOW_FILTER not in warnings.filters;"
        "assert not logging.getLogger('PIL').handlers"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
