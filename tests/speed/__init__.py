"""Speed and memory against other ways of doing the same work: ``python -m speed``."""
