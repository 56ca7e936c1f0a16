"""How Django shows dates and times, by language: as everything else here does."""
