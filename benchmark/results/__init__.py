"""Records, frames and their merging."""
