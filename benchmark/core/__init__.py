"""Errors, names, random streams, files and the environment, for every other package."""
