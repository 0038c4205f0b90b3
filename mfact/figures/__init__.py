"""The figures of the paper: one file a figure, from its settings to its runs and its picture."""
