"""Sweeps: what thousands to millions of variants of a spec cost, without building one."""

from archspec.sweep.best import best, write_points
from archspec.sweep.front import Goal, front, goals
from archspec.sweep.results import METRICS, Results, read
from archspec.sweep.run import Swept, sweep
from archspec.sweep.space import Space, axis, open_space

__all__ = [
    "METRICS",
    "Goal",
    "Results",
    "Space",
    "Swept",
    "axis",
    "best",
    "front",
    "goals",
    "open_space",
    "read",
    "sweep",
    "write_points",
]
