"""The command line: one file a command; click is known here and nowhere else."""
