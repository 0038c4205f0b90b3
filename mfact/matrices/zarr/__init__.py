"""Zarr stores of version 2 and 3: folders of chunks, and zips of these."""
