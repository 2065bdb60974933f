"""Model packages: load, verify, list and import them, and the engines that run them.

Importing this package is quick: the engines' runtimes are loaded when an engine is made.
"""

from copylens.models.card import Calibration, ExamResult, Golden, ModelCard, Provenance, ViewCalibration
from copylens.models.downloading import download
from copylens.models.engines.base import Engine
from copylens.models.engines.selection import create_engine
from copylens.models.golden_pictures import golden_pictures, record_golden
from copylens.models.importing import import_onnx
from copylens.models.insets import InsetNetwork
from copylens.models.known import KNOWN_MODELS, KnownModel, find_known
from copylens.models.package import ModelPackage, check_graph, load_package, update_card, write_package
from copylens.models.registry import (
    DEFAULT_MODEL,
    ListedModel,
    bundled_directory,
    find_model,
    list_models,
    models_directory,
)
from copylens.models.verifying import Check, VerifyReport, verify_package

__all__ = [
    "DEFAULT_MODEL",
    "KNOWN_MODELS",
    "Calibration",
    "Check",
    "Engine",
    "ExamResult",
    "Golden",
    "InsetNetwork",
    "KnownModel",
    "ListedModel",
    "ModelCard",
    "ModelPackage",
    "Provenance",
    "VerifyReport",
    "ViewCalibration",
    "bundled_directory",
    "check_graph",
    "create_engine",
    "download",
    "find_known",
    "find_model",
    "golden_pictures",
    "import_onnx",
    "list_models",
    "load_package",
    "models_directory",
    "record_golden",
    "update_card",
    "verify_package",
    "write_package",
]
