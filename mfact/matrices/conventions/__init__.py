"""What attributes say of stored numbers, by the conventions of netCDF, in any kind of file."""
