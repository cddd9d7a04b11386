"""Status of a collection's sets, for the command line and the console."""
