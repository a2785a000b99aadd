"""An exported file that is asked what it finds, by what it says of itself."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from archspec import api
from archspec.backends import reference
from archspec.deploy import metadata
from archspec.deploy.runtime import Session
from archspec.errors import error
from archspec.graph import INPUT
from archspec.ops import Activation, DecodeBoxes, Suppress
from archspec.passes.detections import BOXES, FORMS, SCORES
from archspec.pictures import nearest, scaled
from archspec.predict.found import Boxes, Classes, Found, Mask
from archspec.spec import CENTERED, Normalization, Spec

Array = NDArray[Any]

TOP = 5
"""So many classes of a picture are named."""
RAW = {"box_deltas", "class_logits"}
"""Outputs of a detector that decodes nothing."""
_ROUND = 32
"""Sides of pictures are multiples of it where a net takes any."""


@dataclass(frozen=True)
class Net:
    """A net, and what its file says of it.

    Args:
        session: that runs it.
        said: its metadata by their keys without `archspec.`.
        labels: names of the classes.
        spec: that it was exported from; None for a Keras model.
    """

    session: Session
    said: Mapping[str, Any]
    labels: Sequence[str]
    spec: Spec | None

    @classmethod
    def read(cls, path: Path, labels: Path | None) -> Self:
        """The net in an ONNX file.

        Raises:
            SpecError: E480, it cannot be read; E482, the labels; E750, it does not say enough.
        """
        found = metadata.read(path)
        known = {key.removeprefix("archspec."): value for key, value in found.items()}
        try:
            said: dict[str, Any] = {**known}
            said |= {key: json.loads(known[key]) for key in _JSON if key in known}
            _ = said["input"]["type"], said["input"]["layout"]
        except (KeyError, TypeError, ValueError) as reason:
            raise error(
                "E750",
                f"'{path}' does not say what it takes",
                hint="files that `archspec export` writes do",
            ) from reason
        spec = api.load(str(path)) if "spec" in known else None
        names = said.get("labels") or ()
        if labels is not None:
            names = metadata.read_labels(labels, spec.classes if spec else len(names))
        return cls(Session(str(path)), said, names, spec)

    def __call__(self, image: Array, score: float) -> Found:
        """What it finds in a picture (h, w, 3); boxes whose score is at least so much.

        Raises:
            SpecError: E421, ONNX Runtime fails; E750, its outputs mean nothing that is known.
        """
        given = self.session.run({INPUT: self._taken(image)})
        outputs = dict(zip(self.session.outputs, (array[0] for array in given), strict=True))
        size = image.shape[:2]
        if boxes := self._boxes(outputs):
            return self._kept(*boxes, size, score)
        name = "output" if "output" in outputs else self.session.outputs[0]
        values = outputs[name]
        axis = -1 if self._is_last else 0
        if self.spec and values.shape[axis] != self.spec.classes:
            message = f"its output '{name}' says nothing of {self.spec.classes} classes"
            raise error("E750", message, hint="export it without --outputs")
        if values.ndim == 3:  # noqa: PLR2004  an image
            return self._mask(values, size)
        return self._classes(values)

    @property
    def _is_last(self) -> bool:
        """Whether channels come last."""
        return self.said["input"]["layout"] == "nhwc"

    def _taken(self, image: Array) -> Array:
        """The picture as the net takes it, with its batch."""
        last, shape = self._is_last, self.session.shape
        sides, channels = (shape[1:3], shape[3]) if last else (shape[2:4], shape[1])
        if channels not in {1, 3}:
            raise error("E750", f"the net takes {channels} channels, and pictures have 1 or 3")
        size = [
            side if isinstance(side, int) else max(round(own / _ROUND), 1) * _ROUND
            for side, own in zip(sides, image.shape, strict=False)
        ]
        pixels = scaled(image, size, 1 if channels == 1 else 3)
        if self.said["input"]["type"] != "uint8":
            pixels = self._normal(pixels)
        # Where a file takes so many and no other number, the others are the same.
        batch = np.repeat(pixels[np.newaxis], shape[0] if isinstance(shape[0], int) else 1, axis=0)
        return np.ascontiguousarray(batch if last else batch.transpose(0, 3, 1, 2))

    def _normal(self, pixels: Array) -> Array:
        said: dict[str, Any] = self.said["input"].get("normalization") or {}
        given = {key: _value(value) for key, value in said.items()}
        normal = Normalization(**given) if said else CENTERED
        scale, offset = (np.array(values, np.float32) for values in normal.affine())
        ordered = pixels[..., ::-1] if normal.order == "bgr" else pixels
        return (ordered * scale + offset).astype(np.float32)

    def _boxes(self, outputs: Mapping[str, Array]) -> tuple[Array, Array, Array] | None:
        """Corners x1, y1, x2, y2 as shares of the image, scores and classes; None: no detector."""
        for form in FORMS.values():
            if all(name in outputs for name in form.outputs):
                boxes, scores, classes, count = (outputs[name] for name in form.outputs)
                turned = boxes if form.order == "xyxy" else boxes[:, [1, 0, 3, 2]]
                kept = slice(int(count))
                return turned[kept], scores[kept], classes[kept].astype(int) - form.first
        if outputs.keys() >= RAW:
            return self._suppressed(*self._decoded(outputs))
        if outputs.keys() >= {BOXES, SCORES}:
            return self._suppressed(outputs[BOXES], outputs[SCORES])
        return None

    def _decoded(self, outputs: Mapping[str, Array]) -> tuple[Array, Array]:
        """Boxes and scores of what is predicted."""
        if self.spec is None or self.spec.detector is None:
            raise error("E750", "the file has no spec, which says what its boxes mean")
        block: Any = self.spec.detector.blocks[0]
        rules = reference.RULES
        deltas, logits = outputs["box_deltas"][np.newaxis], outputs["class_logits"][np.newaxis]
        boxes = rules[DecodeBoxes](api.decoder(self.spec), [deltas], {})
        scores = rules[Activation](Activation(block.score), [logits], {})
        return boxes[0], scores[0, :, int(block.background is not None) :]

    def _suppressed(self, boxes: Array, scores: Array) -> tuple[Array, Array, Array]:
        """What stays of boxes about the same things, as the spec says."""
        from archspec.detectors import suppression  # noqa: PLC0415

        op = Suppress(suppression(self.spec))
        picks = reference.RULES[Suppress](op, [boxes[np.newaxis], scores[np.newaxis]], {})[0]
        kept = picks[picks[:, 0] >= 0].astype(int)
        return boxes[kept[:, 0]], scores[kept[:, 0], kept[:, 1]], kept[:, 1]

    def _kept(
        self, boxes: Array, scores: Array, classes: Array, size: Sequence[int], score: float
    ) -> Boxes:
        height, width = size
        sure = scores >= score
        pixels = np.clip(boxes[sure], 0, 1) * (width, height, width, height)
        return Boxes(
            [tuple(map(float, box)) for box in pixels],  # pyright: ignore[reportArgumentType]  four
            scores[sure].astype(float).tolist(),
            [self._label(number) for number in classes[sure]],
            classes[sure].astype(int).tolist(),
        )

    def _mask(self, logits: Array, size: Sequence[int]) -> Mask:
        axis = -1 if self._is_last else 0
        count = logits.shape[axis]
        small = logits.argmax(axis=axis)
        return Mask(nearest(small, size), [self._label(number) for number in range(count)])

    def _classes(self, values: Array) -> Classes:
        if self.said.get("scores") != "softmax":
            rule = reference.RULES[Activation]
            values = rule(Activation("softmax"), [values[np.newaxis]], {})[0]
        best = np.argsort(-values, kind="stable")[:TOP]
        return Classes(values[best].astype(float).tolist(), [self._label(place) for place in best])

    def _label(self, number: int) -> str:
        return self.labels[number] if number < len(self.labels) else f"class {number}"


_JSON = ("input", "labels", "detections")


def _value(value: Any) -> Any:  # noqa: ANN401
    return tuple(cast("list[Any]", value)) if isinstance(value, list) else value
