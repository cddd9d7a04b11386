"""Check, claim, anonymize, prove, publish: the way of a folder and of each set in it."""
