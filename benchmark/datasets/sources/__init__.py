"""One file for each source of datasets."""
