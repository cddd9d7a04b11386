"""Which folders are collections, which sets have settled, what should be queued and is not. Never parses DICOM."""
