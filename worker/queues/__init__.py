"""What waits to be done: the queues in Redis, who works on what, and the names of sets there."""
