"""Commands on the sets of a collection, from the check to the withdrawal."""
