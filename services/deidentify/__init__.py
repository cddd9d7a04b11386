"""Computation of a set's new values and writing of its files."""
