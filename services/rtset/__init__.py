"""What a dropped folder holds: objects, references, geometry, pixels."""
