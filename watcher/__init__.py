"""Discovery of collections and settled sets, and queueing of what is due. Never parses DICOM."""
