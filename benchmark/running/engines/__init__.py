"""Engines: ``local`` has worker processes on this machine, ``ray`` has the tasks of a Ray cluster."""

from benchmark.running.engines.engine import Engine
from benchmark.running.engines.local import Local
from benchmark.running.engines.named import opened

__all__ = ["Engine", "Local", "opened"]
