"""What words mean: names of structures, anatomy, defined terms."""
