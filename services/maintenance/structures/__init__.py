"""Structure names of a collection's sets: reading and survey."""
