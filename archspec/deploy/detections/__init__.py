"""Models whose boxes are suppressed: cut before that, put together again, and checked."""

from archspec.deploy.detections.check import check_tail
from archspec.deploy.detections.split import (
    Split,
    front_of,
    join,
    picks_of,
    split,
    suppressing,
    suppression_of,
)

__all__ = [
    "Split",
    "check_tail",
    "front_of",
    "join",
    "picks_of",
    "split",
    "suppressing",
    "suppression_of",
]
