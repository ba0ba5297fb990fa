"""The figures of the report. Each figure keeps its numbers as a frame."""

from benchmark.report.figures.critical_difference import critical_differences
from benchmark.report.figures.drawing import Chart, PanelGroup, Series
from benchmark.report.figures.embeddings import embeddings
from benchmark.report.figures.forest import forest
from benchmark.report.figures.harm import harm_of_samples, nearness
from benchmark.report.figures.law_curve import law_curve
from benchmark.report.figures.reconstructions import images
from benchmark.report.figures.sweeps import averaging, beta_sweep, ladder
from benchmark.report.figures.training_curves import training_curves
from benchmark.report.figures.traversals import traversals
from benchmark.report.figures.waterfall import waterfalls

__all__ = [
    "Chart",
    "PanelGroup",
    "Series",
    "averaging",
    "beta_sweep",
    "critical_differences",
    "embeddings",
    "forest",
    "harm_of_samples",
    "images",
    "ladder",
    "law_curve",
    "nearness",
    "training_curves",
    "traversals",
    "waterfalls",
]
