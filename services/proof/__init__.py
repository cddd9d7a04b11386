"""Comparison of output with source, element by element and as a whole."""
