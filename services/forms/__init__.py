"""What people fill in: the form, the identity, the list of structures."""
