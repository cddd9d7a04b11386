"""DICOM at the byte level: elements, files, character sets, dates."""
