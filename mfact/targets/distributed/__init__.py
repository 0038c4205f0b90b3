"""Many machines: M as shards of a file that the workers of a Dask cluster hold."""
