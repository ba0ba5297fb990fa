"""``python -m benchmark``."""

from benchmark.commands.cli import main

main()
