"""The sections of a set's sheet: each lays out one part of the findings."""
