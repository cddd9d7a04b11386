"""What a sheet shows, read into arrays and numbers."""
