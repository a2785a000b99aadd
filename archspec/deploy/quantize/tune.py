"""Where the float part ends best on this machine: measured, for the user to pin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from time import process_time

import numpy as np
import onnx

from archspec.deploy.quantize.calibration import Calibration
from archspec.deploy.quantize.choose import TWENTIETH, narrowest
from archspec.deploy.quantize.session import Array, Images, feed
from archspec.deploy.quantize.static import Progress, Ranges
from archspec.graph import INPUT

SHARES = (TWENTIETH, 2 * TWENTIETH, 4 * TWENTIETH, 8 * TWENTIETH)
"""Of the multiply-accumulates, that the float part of each candidate may have."""

WARM_UP = 3
"""Rounds that do not count."""


@dataclass(frozen=True)
class Trial:
    """How fast a model is in int8 where the float part ends at one place.

    Args:
        float_until: the place, for `quantize`.
        ratio: processor time of int8 to that of float32, the median over the rounds.
        low: the first quartile.
        high: the third.
    """

    float_until: str
    ratio: float
    low: float
    high: float


def tune(
    model: onnx.ModelProto,
    images: Calibration,
    *,
    candidates: Sequence[str] | None = None,
    rounds: int = 31,
    progress: Progress | None = None,
) -> tuple[Trial, ...]:
    """Quantise with several float parts and measure them in turns; the fastest first.

    Each round runs float32 and every candidate on one thread with one image. What counts is
    processor time: on a quiet machine it is the time that passes, and on another what would. The
    result depends on the machine and changes a little from run to run; give `quantize` the place
    that it names, and the file can be made again.

    Args:
        model: in float32, see `quantize`.
        images: what it reads.
        candidates: rows or nodes to try; None: nothing in float, and the narrowest passages
            within several shares of the work.
        rounds: see above.
        progress: told how many images are calibrated.

    Raises:
        SpecError: as `quantize`.
    """
    if candidates is None:
        ends = [narrowest(model, images.shape, share) for share in SHARES]
        candidates = list(dict.fromkeys([INPUT, *ends]))
    total = len(images.calibrating)
    with TemporaryDirectory(prefix="archspec-") as folder:
        ranges = Ranges(
            model, images, Path(folder), [], lambda count: progress and progress(count, total)
        )
        ranges.int8(INPUT)  # has every value that any other needs a range for
        made = [ranges.int8(name) for name in candidates]
    sessions = [Images(one, threads=1) for one in (model, *made)]
    given = feed(model, np.zeros((1, *images.shape)))
    times = [[_time(session, given) for session in sessions] for _ in range(WARM_UP + rounds)]
    trials: list[Trial] = []
    for place, name in enumerate(candidates, start=1):
        ratios = [turn[place] / turn[0] for turn in times[WARM_UP:]]
        low, middle, high = quantiles(ratios, n=4, method="inclusive")
        trials.append(Trial(name, middle, low, high))
    return tuple(sorted(trials, key=lambda trial: trial.ratio))


def _time(session: Images, given: Mapping[str, Array]) -> float:
    """Seconds of the processor for one run."""
    began = process_time()
    session.run(given)
    return process_time() - began
