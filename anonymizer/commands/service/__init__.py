"""Commands that keep running, and their health."""
