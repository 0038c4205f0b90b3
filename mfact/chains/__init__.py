"""Which weights feed the same units, told from names and shapes, and how they balance."""
