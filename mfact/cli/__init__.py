"""The command line: one file a command; click is known here and nowhere else."""

import time

BEGAN = time.perf_counter()
"""When a process that is an `mfact` command ran its first line, before all that it loads."""
