"""Records, the frames made from them, and merging of results folders."""
