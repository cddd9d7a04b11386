"""Actions requested by a person: another try, doctor, withdraw, export, survey, verify again."""
