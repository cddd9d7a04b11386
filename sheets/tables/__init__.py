"""The numbers of the sheets as tables: one row a set, a structure, a beam."""
