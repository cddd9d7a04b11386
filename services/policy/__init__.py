"""PS3.15 Table E.1-1 and the product's own rows as one table."""
