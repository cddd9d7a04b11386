"""Vocabulary: structure names, anatomy, defined terms."""
