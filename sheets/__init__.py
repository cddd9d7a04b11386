"""Sheets of sets, for review and signature by a physicist, and reports of collections."""
