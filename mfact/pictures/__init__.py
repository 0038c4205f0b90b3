"""What is drawn of runs, as values: curves, dots and bars by name, and no drawing library."""
