"""Latents, their readouts, diagnostics and drawings."""
