"""The command line, and the mode in which one command starts Redis, workers and watcher itself."""
