"""The command line, and the embedded mode in which one command starts Redis, workers and watcher itself."""

__version__ = "0.1.0"
"""The version of the program; package, image and documents take it from here."""
