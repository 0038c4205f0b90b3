"""HDF5 files and what their writers mean by them: each dialect is known by its marks."""
