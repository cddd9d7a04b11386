"""Compute the new values of a set and write its files."""
