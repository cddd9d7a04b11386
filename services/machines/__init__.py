"""Machine descriptors, and whether a plan's beams fit one."""
