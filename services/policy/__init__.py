"""PS3.15 Table E.1-1 and additional rows of this program as one table."""
