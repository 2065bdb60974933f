"""Nothing in, nothing out: keeps the decoders' remarks on damaged files off the terminal.

A picture that fails is reported as a result; what a decoder mutters besides would only tear the progress bar.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import logging
import re
import warnings

_PILLOW_FILTER = ("ignore", None, Warning, re.compile(r"PIL\."), 0)


def silence_decoders() -> None:
    """Silence Pillow's warnings and libtiff's error output; cheap to call before every decode.

    Not `warnings.catch_warnings`, which is not safe in threads. The filter concerns Pillow's modules only,
    and is put back where somebody has reset the filters.
    """
    if _PILLOW_FILTER not in warnings.filters:
        warnings.filters.insert(0, _PILLOW_FILTER)  # type: ignore[attr-defined]
    _silence_once()


@functools.cache
def _silence_once() -> None:
    # Without any handler Python prints errors to stderr; this one leaves an application's own in place.
    logging.getLogger("PIL").addHandler(logging.NullHandler())
    _silence_libtiff()


def _silence_libtiff() -> None:
    """Take away the handler with which libtiff writes to stderr; Pillow raises an exception in any case.

    The symbol is found through Pillow's own extension module. Where it is hidden (a static build), it stays.
    """
    extension = importlib.util.find_spec("PIL._imaging")
    if extension is None or extension.origin is None:
        return
    try:
        set_handler = ctypes.CDLL(extension.origin).TIFFSetErrorHandler
    except (OSError, AttributeError):
        return
    set_handler.argtypes, set_handler.restype = [ctypes.c_void_p], ctypes.c_void_p
    set_handler(None)
