"""Index, attempt, rename, record: each set is published exactly once."""
