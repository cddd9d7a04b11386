"""The examination of a published set for its sheet, by itself and against its source."""
