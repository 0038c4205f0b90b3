"""The machine: memory, signals, time, files on disk."""
