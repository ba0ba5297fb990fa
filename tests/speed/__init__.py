"""Measurements of speed and memory against other implementations: ``make bench``."""
