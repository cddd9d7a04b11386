"""What a person asks for after publication: doctor, withdraw, export, survey."""
