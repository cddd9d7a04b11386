"""The pages, one module per kind; actions on sets go through a collection's board."""
