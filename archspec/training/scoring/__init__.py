"""Scores of what nets say, of numpy, batch by batch."""

from archspec.training.scoring.boxes import Detections
from archspec.training.scoring.classes import Top
from archspec.training.scoring.masks import MeanIoU

__all__ = ["Detections", "MeanIoU", "Top"]
