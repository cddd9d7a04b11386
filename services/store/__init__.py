"""The state of a collection on the share."""
