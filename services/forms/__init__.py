"""Files that people edit: the form, the list of identities, the lists of structures and words."""
