"""DICOM as bytes: elements, files, character sets, dates."""
