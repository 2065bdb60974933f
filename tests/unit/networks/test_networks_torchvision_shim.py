"""timm is imported beside a torchvision that loads, one whose operators do not, one that is broken, and none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from copylens.networks import torchvision_shim

# What torchvision does when its compiled part is missing: it registers fake kernels, which fails for operators
# that nobody declared.
BROKEN = """
import torch
torch.library.register_fake("torchvision::nms")(lambda dets, scores, iou_threshold: dets.new_empty(0))
"""

PROGRAM = """
import sys
from copylens.errors import MissingExtraError
from copylens.networks import torchvision_shim
try:
    module = torchvision_shim.import_timm()
except (MissingExtraError, RuntimeError) as error:
    print(type(error).__name__, error)
else:
    print(module.NAME, "declared" if torchvision_shim._declared else "untouched")
"""


def run(folder: Path, *, torchvision: str | None, timm: str | None) -> str:
    """What PROGRAM prints where these two modules, and no others of their names, are installed."""
    for name, code in (("torchvision", torchvision), ("timm", timm)):
        missing = f"raise ImportError('No module named {name}', name={name!r})"
        (folder / f"{name}.py").write_text(missing if code is None else code, encoding="utf-8")
    program = f"import sys; sys.path.insert(0, {str(folder)!r})\n{PROGRAM}"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_operators_are_declared_where_torchvision_lacks_them(tmp_path: Path) -> None:
    timm = "import torchvision; NAME = 'timm'"
    assert run(tmp_path, torchvision=BROKEN, timm=timm) == "timm declared"


def test_a_torchvision_that_loads_is_left_alone(tmp_path: Path) -> None:
    assert run(tmp_path, torchvision="", timm="NAME = 'timm'") == "timm untouched"


def test_another_failure_of_torchvision_is_not_hidden(tmp_path: Path) -> None:
    printed = run(tmp_path, torchvision="raise RuntimeError('no such device')", timm="NAME = 'timm'")
    assert printed == "RuntimeError no such device"


@pytest.mark.parametrize(("torchvision", "timm"), [("", None), (None, "NAME = 'timm'")])
def test_a_missing_package_names_the_extra(tmp_path: Path, torchvision: str | None, timm: str | None) -> None:
    assert "copylens[train]" in run(tmp_path, torchvision=torchvision, timm=timm)


def test_the_real_timm_makes_a_network_and_comes_again() -> None:
    timm = torchvision_shim.import_timm()
    assert torchvision_shim.import_timm() is timm
    network = timm.create_model("test_efficientnet", num_classes=0, global_pool="").eval()
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 64, 64)).shape[0] == 1


def test_every_signature_is_well_formed_and_named_once() -> None:
    schemas = [
        torch._C.parse_schema(f"torchvision::{signature}") for signature in torchvision_shim._SIGNATURES
    ]
    names = [schema.name.removeprefix("torchvision::") for schema in schemas]
    forward = ["nms", "qnms", "roi_align", "ps_roi_align", "roi_pool", "ps_roi_pool", "deform_conv2d"]
    backward = [f"_{name}_backward" for name in forward[2:]]
    assert sorted(names) == sorted(forward + backward)
