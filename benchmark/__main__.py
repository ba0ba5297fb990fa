"""``python -m benchmark``, which does the same as ``latents``."""

from benchmark.commands.cli import main

main()
