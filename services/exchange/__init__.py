"""What leaves a collection for another house and comes in from one: deliveries that are signed and checked."""
