"""Processing of a folder and each of its sets: check, claim, anonymize, prove, publish."""
