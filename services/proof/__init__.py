"""Compare what was written with its source, element by element and as a whole."""
