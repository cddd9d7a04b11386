"""Compare the output with the source, sharing no matching with the writing."""
