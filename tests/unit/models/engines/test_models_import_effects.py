"""What loading this room and its engines does to a fresh process: nothing that a user has not asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from small_models import SmallNetwork

WATCH = """
import socket, sys
def refuse(*args, **kwargs):
    print("NETWORK", args)
    raise OSError("no network in this test")
socket.socket.connect = refuse
socket.getaddrinfo = refuse
"""


def run_fresh(code: str, home: Path) -> str:
    home.mkdir()
    environment = {**os.environ, "HOME": str(home), "USERPROFILE": str(home)}
    # Some continuous-integration variables silence the telemetry by themselves.
    for variable in ("CI", "TF_BUILD", "JENKINS_URL"):
        environment.pop(variable, None)
    done = subprocess.run(
        [sys.executable, "-c", WATCH + code], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_openvino_neither_uses_the_network_nor_writes_to_home(tmp_path: Path) -> None:
    package = SmallNetwork().package(tmp_path / "small")
    out = run_fresh(
        f"""
from copylens.models import create_engine, load_package
import numpy as np
engine = create_engine(load_package({str(package.directory)!r}), engine="openvino", threads=1)
print(engine.describe(np.zeros((1, 24, 20, 3), np.uint8)).shape)
print("telemetry" if "openvino_telemetry" in sys.modules else "silent")
import openvino_telemetry
""",
        tmp_path / "home",
    )
    assert out.split("\n") == ["(1, 16)", "silent", ""]
    assert list((tmp_path / "home").rglob("*")) == []


def test_this_room_loads_no_runtime(tmp_path: Path) -> None:
    out = run_fresh(
        """
import copylens.models
heavy = {"torch", "onnx", "onnxruntime", "openvino", "urllib.request"}
print(sorted(heavy & sys.modules.keys()))
""",
        tmp_path / "home",
    )
    assert out == "[]\n"


def test_an_automatic_choice_without_a_driver_does_not_load_torch(tmp_path: Path) -> None:
    package = SmallNetwork().package(tmp_path / "small")
    out = run_fresh(
        f"""
import os
os.environ["CUDA_VISIBLE_DEVICES"] = ""
from copylens.models import create_engine, load_package
print(create_engine(load_package({str(package.directory)!r}), threads=1).device, "torch" in sys.modules)
""",
        tmp_path / "home",
    )
    assert out == "cpu False\n"
