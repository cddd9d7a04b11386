"""The originals of published sets: how they are identified, read again, and recognized."""
