"""MATLAB files of before v7.3, which are no HDF5."""
