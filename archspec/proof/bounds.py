"""How far apart the outputs of two nets may be that compute the same: max|a - b| / std(b)."""

FLOAT32 = 1e-4
"""Nets that compute the same come to 1e-5, and 1e-3 is a bug."""
FLOAT64 = 1e-9
"""Nets that compute the same come to 1e-13; a change of an epsilon by a tenth makes 1e-3, one of a
padding 1."""
