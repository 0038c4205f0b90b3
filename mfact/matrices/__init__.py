"""Foreign files in: the formats that matrices come in."""
