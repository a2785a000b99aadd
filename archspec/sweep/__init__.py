"""Sweeps: what thousands to millions of variants of a spec cost, without building one."""

from archspec.sweep.best import best, check_goals, make_folder, write_points
from archspec.sweep.front import Goal, front, goals
from archspec.sweep.results import METRICS, POINT, Results, read
from archspec.sweep.run import How, Swept, parts_of, sweep
from archspec.sweep.space import Space, axis, open_space
from archspec.sweep.task import Draw

__all__ = [
    "METRICS",
    "POINT",
    "Draw",
    "Goal",
    "How",
    "Results",
    "Space",
    "Swept",
    "axis",
    "best",
    "check_goals",
    "front",
    "goals",
    "make_folder",
    "open_space",
    "parts_of",
    "read",
    "sweep",
    "write_points",
]
