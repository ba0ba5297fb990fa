"""Layers with a replica axis, and exact sums over all pairs."""
