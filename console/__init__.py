"""The console: a web page for people without a terminal. It reads what `status` reads, and calls what commands call."""
