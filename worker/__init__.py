"""The Celery worker: the task, its settings, what waits and what counts as an attempt."""
