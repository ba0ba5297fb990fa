"""The report of a study: one page, and the same content as Markdown, tables, figures and data."""

from benchmark.report.build import build

__all__ = ["build"]
