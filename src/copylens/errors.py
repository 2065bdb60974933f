"""Everything CopyLens raises on purpose, in one tree.

::

    CopyLensError                  catch this one to catch them all
    ├── UsageError                 an argument or option that cannot be meant (CLI exit code 2)
    │   ├── ConfigError            a settings or model.json value that is unknown, missing or of the wrong type
    │   └── MissingExtraError      the feature needs an optional package; says the command that installs it
    ├── ImageError                 one picture cannot be read; carries the `code` and `reason` of a `Skipped`
    ├── ModelError                 a model package is missing, damaged or cannot be made
    │   └── EngineError            no engine can run the package here, or a run failed
    ├── CatalogError               the catalog file cannot be opened, read or written
    │   └── FingerprintMismatchError  two different models met; names both and the choices
    ├── EvaluationError        pictures, descriptors or a run folder of an evaluation cannot be used
    ├── TrainingError              a training cannot go on: values that are not finite
    ├── TooManyMatchesError        the threshold is so low that the matches would not fit in memory
    └── OutputError                a result cannot be written

Messages are one or two sentences: what was wrong, with which file or option, and what to do.
"""

from __future__ import annotations


class CopyLensError(Exception):
    """Base of every error that CopyLens raises on purpose."""


class UsageError(CopyLensError):
    """An argument or option that cannot be meant as it is."""


class ConfigError(UsageError):
    """A settings or ``model.json`` value that is unknown, missing or of the wrong type."""


class MissingExtraError(UsageError):
    """A feature needs an optional dependency.

    Args:
        feature: what was asked for, e.g. ``"Reading HEIC"``.
        extra: the extra of this distribution that brings it, e.g. ``"heif"``.
    """

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs an optional package; install it with: pip install 'copylens[{extra}]'"
        )
        self.extra = extra


class ImageError(CopyLensError):
    """One picture cannot be read.

    Args:
        code: a short stable slug that summaries count by, one of `records.SKIP_CODES`.
        reason: one sentence for people.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class ModelError(CopyLensError):
    """A model package is missing, damaged or cannot be made."""


class EngineError(ModelError):
    """No engine can run the package here, or a run failed."""


class CatalogError(CopyLensError):
    """The catalog file cannot be opened, read or written."""


class FingerprintMismatchError(CatalogError):
    """Descriptors of two different models met; the message names both fingerprints and the choices."""


class EvaluationError(CopyLensError):
    """Pictures, descriptors or a run folder of an evaluation cannot be used."""


class TrainingError(CopyLensError):
    """A training cannot go on; the message names the step and what was seen there."""


class TooManyMatchesError(CopyLensError):
    """The threshold is so low that the matches would not fit in memory."""


class OutputError(CopyLensError):
    """A result cannot be written."""
