"""The new identities of a collection's sets: given by a list, stated by a person, or those of another collection."""
