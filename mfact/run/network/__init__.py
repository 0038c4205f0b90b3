"""A network's run, phase by phase; loop, rules, recorder and keeper are those of all runs."""
