"""How a picture is laid out and drawn on axes that are handed in: no file here loads matplotlib."""
