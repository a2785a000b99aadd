"""How far boxes are those that were wanted: mean precision, as COCO counts it."""

from collections.abc import Mapping
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

from numpy.typing import NDArray

from archspec.training.data.records import Boxed

_NAMES = {"AP": 0, "AP50": 1, "AP75": 2}
"""Name → place in what pycocotools counts; a score of -1 is that nothing was wanted."""


class Detections:
    """Mean precision over classes, and over ten overlaps from 0.5 to 0.95, or at one of them.

    At most 100 boxes of a picture count. Source: pycocotools, which counts.
    """

    def __init__(self) -> None:
        self._images: list[dict[str, Any]] = []
        self._wanted: list[dict[str, Any]] = []
        self._found: list[dict[str, Any]] = []
        self._labels: set[int] = set()

    def add(
        self, sample: Boxed, boxes: NDArray[Any], scores: NDArray[Any], labels: NDArray[Any]
    ) -> None:
        """Take what was found in a picture.

        Args:
            sample: with what was wanted.
            boxes: (n, 4), corners x1, y1, x2, y2 in pixels of the picture.
            scores: (n,)
            labels: (n,), from 0.
        """
        number = len(self._images) + 1
        picture = sample.picture
        self._images.append({"id": number, "width": picture.width, "height": picture.height})
        for box, label, ignored in zip(sample.boxes, sample.labels, sample.ignored, strict=True):
            self._labels.add(label)
            known = {"id": len(self._wanted) + 1, "iscrowd": int(ignored), "ignore": int(ignored)}
            self._wanted.append({**_said(number, box, label), **known})
        for box, score, label in zip(boxes, scores, labels, strict=True):
            self._found.append({**_said(number, box, int(label)), "score": float(score)})

    def result(self) -> Mapping[str, float]:
        """AP, AP50 and AP75 of all that was added."""
        known = [item for item in self._found if item["category_id"] - 1 in self._labels]
        if not self._labels or not known:
            return dict.fromkeys(_NAMES, 0.0)
        from pycocotools.coco import COCO  # noqa: PLC0415
        from pycocotools.cocoeval import COCOeval  # noqa: PLC0415

        with redirect_stdout(StringIO()):
            truth: Any = COCO()
            truth.dataset = {
                "images": self._images,
                "annotations": self._wanted,
                "categories": [{"id": label + 1} for label in sorted(self._labels)],
            }
            truth.createIndex()
            counted: Any = COCOeval(truth, truth.loadRes(known), "bbox")
            counted.evaluate()
            counted.accumulate()
            counted.summarize()
        return {name: max(float(counted.stats[place]), 0.0) for name, place in _NAMES.items()}


def _said(image: int, box: Any, label: int) -> dict[str, Any]:  # noqa: ANN401
    x1, y1, x2, y2 = map(float, box)
    return {
        "image_id": image,
        "category_id": label + 1,
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "area": (x2 - x1) * (y2 - y1),
    }
