"""Operations after publication: doctor, withdraw, export, survey, verify again."""
