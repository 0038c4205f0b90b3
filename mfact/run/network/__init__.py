"""A network's run, phase by phase; the loop, its rules, recorder and keeper are those of all runs."""
