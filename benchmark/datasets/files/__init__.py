"""The files of datasets: downloads, archives and pinned digests."""
