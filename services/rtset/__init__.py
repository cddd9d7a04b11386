"""Contents of a dropped folder: objects, references, geometry, pixels."""
