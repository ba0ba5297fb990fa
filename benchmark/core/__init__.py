"""What every other package may use: errors, random streams, files and the environment."""
