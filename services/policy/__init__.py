"""Kinds of objects, and PS3.15 Table E.1-1 with additional rows of this program as one table."""
