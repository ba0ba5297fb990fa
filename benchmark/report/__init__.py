"""The report of a study: one page and the same content as Markdown, from frames alone."""

from benchmark.report.build import build

__all__ = ["build"]
