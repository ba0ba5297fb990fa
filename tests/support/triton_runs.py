"""Run Triton kernels in a process of their own: Triton reads TRITON_INTERPRET when it is imported."""

import json
import os
import platform
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest


def by_triton(script, mode, folder):
    """What a script of ``support`` prints as JSON, with "interpret" or "compile" as its argument."""
    if find_spec("triton") is None:
        needed = "BENCHMARK_CI" in os.environ and (sys.platform, platform.machine()) == ("linux", "x86_64")
        (pytest.fail if needed else pytest.skip)("Triton is not installed; the extra 'test' lists it")
    command = [sys.executable, "-W", "error", script.__file__, mode]
    environment = os.environ | {"TRITON_CACHE_DIR": str(folder), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
