"""The Celery worker: tasks, settings, and the handling of transient errors and failures."""
