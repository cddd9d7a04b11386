"""The sheet of a set, which a physicist looks at and signs, and the report of a collection."""
