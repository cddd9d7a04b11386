"""The single checks, each of which adds what it finds to the findings."""
