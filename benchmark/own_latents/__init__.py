"""Latents from anywhere, and models on any data: the functions of ``import benchmark``."""
