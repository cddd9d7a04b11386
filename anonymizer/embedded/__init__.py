"""The embedded service of `run` and `console`: Redis, workers and watcher, in processes that end with them."""
