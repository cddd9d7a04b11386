"""Commands on deliveries to and from other institutions."""
