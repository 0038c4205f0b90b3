"""A run, phase by phase."""
