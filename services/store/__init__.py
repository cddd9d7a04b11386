"""State of a collection, stored on the share."""
