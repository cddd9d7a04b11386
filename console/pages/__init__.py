"""The pages, a module for each kind; what they do to sets is done by a collection's board."""
