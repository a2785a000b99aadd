"""The proof that a graph computes what other implementations compute."""

from archspec.proof.agreement import BOXES, agreement
from archspec.proof.bounds import FLOAT32, FLOAT64
from archspec.proof.vector import Vector, of, read

__all__ = ["BOXES", "FLOAT32", "FLOAT64", "Vector", "agreement", "of", "read"]
