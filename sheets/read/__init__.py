"""Reading of the data shown on a sheet into arrays and numbers."""
