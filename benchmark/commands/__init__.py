"""What the commands do, a module each; benchmark.cli puts them together."""
