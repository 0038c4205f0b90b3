"""Which layers of a state dict feed the same units, told from names and sizes."""
