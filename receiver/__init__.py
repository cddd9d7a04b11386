"""From a DICOM receiver that others keep (Orthanc) into patients' folders on the share."""
