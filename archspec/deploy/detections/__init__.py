"""Models whose boxes are suppressed: cut before that, put together again, and checked."""

from archspec.deploy.detections.check import check_tail
from archspec.deploy.detections.split import Split, join, split, suppressing

__all__ = ["Split", "check_tail", "join", "split", "suppressing"]
