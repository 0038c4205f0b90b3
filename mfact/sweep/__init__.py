"""Many random starts at once: the constant probability of Theorem 3.2, counted."""
