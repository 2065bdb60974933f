"""The text of a chain in, its parts out: ``centre,pcaw256,sn:beta=1:first=0:last=2``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping

from copylens.errors import UsageError
from copylens.postprocess.centring import Centring
from copylens.postprocess.score_normalisation import ScoreNormalisation
from copylens.postprocess.step import Part
from copylens.postprocess.unit_length import UnitLength
from copylens.postprocess.whitening import PCAWhitening

EMPTY = "none"
"""How a chain without steps is spelled."""

SPELLINGS = {"centre": "centre", "l2": "l2", "pca": "pcaD", "pcaw": "pcawD", "sn": "sn"}
"""Names of the steps, and how they are written; D is a number of dimensions."""

_PARAMETERS: Mapping[str, Mapping[str, Callable[[str], float]]] = {
    "pcaw": {"power": float},
    "sn": {"beta": float, "first": int, "last": int},
}

_PCA = re.compile("(pcaw?)([0-9]*)")


def parse_parts(text: str) -> list[Part]:
    """Read the parts of a chain, in order; none for ``""`` and ``"none"``.

    Args:
        text: words separated by commas; case and blanks do not matter.

    Raises:
        UsageError: an unknown step (the message names the nearest), a parameter that is unknown or cannot be
            meant, or an ``sn`` that is not the last step.
    """
    words = [word.strip() for word in text.lower().split(",")]
    if words in ([""], [EMPTY]):
        return []
    parts = [_part(word, text) for word in words]
    if any(isinstance(part, ScoreNormalisation) for part in parts[:-1]):
        raise UsageError(
            f"The post-processing {text!r} goes on after sn; score normalisation comes once, and last."
        )
    return parts


def _part(word: str, text: str) -> Part:
    head, *rest = word.split(":")
    pca = _PCA.fullmatch(head)
    name = pca[1] if pca else head
    if name not in SPELLINGS:
        raise UsageError(_unknown(head, text))
    values = _values(name, rest, word)
    if pca:
        # Six digits are more than any network gives; Python refuses thousands with an error of its own.
        if not pca[2] or len(pca[2]) > 6:
            raise UsageError(f"{word!r} does not say to how many dimensions; write for example {name}256.")
        whitening = PCAWhitening(int(pca[2]), power=0.0 if name == "pca" else values.get("power", 1.0))
        whitening.check()
        return whitening
    if name == "sn":
        normalisation = ScoreNormalisation(**values)  # type: ignore[arg-type]  # ranks were read as int
        normalisation.check()
        return normalisation
    return Centring() if name == "centre" else UnitLength()


def _values(name: str, settings: list[str], word: str) -> dict[str, float]:
    known = _PARAMETERS.get(name, {})
    if settings and not known:
        raise UsageError(f"{word!r}: the step {name} takes no parameters.")
    values: dict[str, float] = {}
    for setting in settings:
        key, _, value = (piece.strip() for piece in setting.partition("="))
        if key not in known or key in values:
            raise UsageError(f"{word!r}: the parameters of {name} are {', '.join(known)}, each at most once.")
        try:
            values[key] = known[key](value)
        except ValueError as error:
            kind = "a whole number" if known[key] is int else "a number"
            raise UsageError(f"{word!r}: {key} must be {kind}, not {value!r}.") from error
    return values


def _unknown(head: str, text: str) -> str:
    close = difflib.get_close_matches(head, SPELLINGS, n=1, cutoff=0.5)
    nearest = f"; did you mean {SPELLINGS[close[0]]!r}?" if close else "."
    listing = ", ".join(SPELLINGS.values())
    return (
        f"There is no post-processing step {head!r} (in {text!r}){nearest} "
        f"The steps are {listing}; {EMPTY} alone stands for no step."
    )
