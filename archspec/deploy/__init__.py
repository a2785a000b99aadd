"""Models that leave the house: exported, checked, and only then written."""
