"""What every process needs: settings, durable files, logs, heartbeat, metrics."""
