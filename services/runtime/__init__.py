"""Shared by every process: settings, durable files, logs, heartbeat, metrics."""
