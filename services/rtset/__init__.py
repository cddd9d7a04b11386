"""What a dropped folder holds, and the verdict on it."""
