"""What a worker does: sets, sheets, deliveries."""
