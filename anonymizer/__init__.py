"""The command line, and the mode in which one command starts Redis, workers and watcher itself."""

__version__ = "0.1.0"
"""The version of the program, in this one place: the package, its image and the documents follow it."""
