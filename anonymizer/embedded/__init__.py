"""What `run` and `console` bring with them: Redis, workers, a watcher, in processes that end with them."""
