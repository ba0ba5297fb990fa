"""What the commands do, a module each; benchmark.commands.cli puts them together."""
