"""Engines: where batches are worked on. ``local`` is this machine, ``ray`` a Ray cluster, which may be this machine."""

from benchmark.engines.base import Engine
from benchmark.engines.local import Local
from benchmark.engines.named import opened

__all__ = ["Engine", "Local", "opened"]
