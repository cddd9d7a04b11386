"""Transfer of objects from a DICOM receiver (Orthanc) into patients' folders on the share."""
