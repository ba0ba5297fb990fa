"""Engines: where batches are worked on. ``local`` is this machine, ``ray`` a Ray cluster, which may be this machine."""

from benchmark.running.engines.engine import Engine
from benchmark.running.engines.local import Local
from benchmark.running.engines.named import opened

__all__ = ["Engine", "Local", "opened"]
