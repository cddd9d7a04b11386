"""The web console. It reads the same state as `status` and calls the same functions as the commands."""
