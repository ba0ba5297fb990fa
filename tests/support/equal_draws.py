"""Equal random numbers on every device, to compare trainings on a GPU with those on a CPU."""

from contextlib import contextmanager
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode


class _OnCpu(TorchFunctionMode):
    """Draws on the CPU, and copies the numbers to the device that was asked for."""

    def __init__(self):
        super().__init__()
        self.drawn = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        named = kwargs or {}
        if function not in (torch.rand, torch.randn) or named.get("generator") is None:
            return function(*args, **named)
        self.drawn += 1
        return function(*args, **named | {"device": "cpu"}).to(named.get("device", "cpu"))


@contextmanager
def drawn_on_cpu():
    """Let every generator be one of the CPU. The object in the block counts the draws."""
    made = torch.Generator

    def of_cpu(_device="cpu"):
        return made("cpu")

    with mock.patch.object(torch, "Generator", of_cpu), _OnCpu() as mode:
        yield mode
