"""What a net is trained for: targets, loss and scores of each task."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

from archspec.api import decoder
from archspec.graph import Graph
from archspec.spec import Spec

Task: TypeAlias = Literal["classification", "detection", "segmentation"]
Tensor: TypeAlias = Any
Tensors: TypeAlias = Any
"""A tensor, or a dict of tensors by name; of batches in `loss`, of numpy in `Scores`."""


class Scores(Protocol):
    """How good what a net says is, over the pictures that it was shown."""

    def add(self, samples: Sequence[Any], outputs: Tensors) -> None:
        """Take a batch: the samples of the data set, and what the net gives for them, of numpy."""
        ...

    def result(self) -> Mapping[str, float]:
        """Each score by its name, of all that was added."""
        ...


class Objective(Protocol):
    """What a net is trained for.

    Attributes:
        best: the name of the score that decides which epoch is the best, the higher the better.
    """

    best: ClassVar[str]

    def first(self, graph: Graph) -> Mapping[str, Any]:
        """Arrays by key that a net starts from, not its initializers, where it is given none."""
        ...

    def targets(self, sample: Mapping[str, Tensor]) -> Tensors:
        """What `loss` is given of one picture, of a fixed shape; runs inside tf.data.

        Args:
            sample: `label` (); or `mask` (h, w) of the net's size, 255 for what does not count; or
                `boxes` (n, 4), corners x1, y1, x2, y2 as shares of the picture, `labels` (n,) and
                `ignored` (n,), n different for each picture.
        """
        ...

    def loss(self, targets: Tensors, outputs: Tensors) -> tuple[Tensor, Tensor]:
        """A sum over the pictures of one device, and what it is to be divided by, float32 scalars.

        Sums and divisors of all devices are added before the one is divided by the other, or by 1
        where the divisor is less.
        """
        ...

    def scores(self) -> Scores:
        """Scores of nothing yet."""
        ...


def task_of(spec: Spec, graph: Graph) -> Task:
    """What a net is for, by what it gives.

    Boxes where a row is a block `ssd`, classes where an output is a vector, else classes of pixels.
    """
    if spec.detector:
        return "detection"
    vectors = any(len(graph.shapes[node]) == 1 for node in graph.outputs.values())
    return "classification" if vectors else "segmentation"


def objective_of(task: Task, spec: Spec) -> Objective:
    """What a net of this task is trained for; loads TensorFlow."""
    if task == "segmentation":
        from archspec.training.objectives.segmentation import Segmentation  # noqa: PLC0415

        return Segmentation(spec.classes, spec.train.loss)
    if task == "detection":
        return _detection(spec)
    from archspec.training.objectives.classification import Classification  # noqa: PLC0415

    return Classification(spec.classes, spec.train.label_smoothing)


def _detection(spec: Spec) -> Objective:
    from archspec.training.objectives.detection import Detection  # noqa: PLC0415

    assert spec.detector  # noqa: S101  so its task says
    block: Any = spec.detector.blocks[0]
    return Detection(
        decoder(spec),
        spec.classes,
        block.background is not None,
        block.score,
        spec.train.loss,
        block.nms,
    )
