"""The machine behind a measurement: its description and the name of its file of results."""

from __future__ import annotations

import os
import platform
import re
from typing import Any

import torch

from benchmark.core import environment
from benchmark.core.environment import processors
from benchmark.training.devices import device_name


def description(device: str) -> dict[str, Any]:
    """Describe the machine: processor or GPU, cores, memory in bytes, versions and commit."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "device": device,
        "device_name": device_name(device),
        "processor": environment.processor(),
        "cores": processors(),
        "memory": memory,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": environment.versions(),
        "commit": environment.commit(),
    }


def file_name(machine: dict[str, Any]) -> str:
    """Name the file of the machine's results by its device and its number of cores."""
    words = re.sub(r"\(R\)|\(TM\)|CPU|@", " ", machine["device_name"])
    slug = "-".join(re.findall(r"[a-z0-9.]+", words.lower()))
    return f"{slug}-{machine['cores']}-cores.json"
