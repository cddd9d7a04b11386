"""The figures of the sheets as tables: one row per set, structure or beam."""
