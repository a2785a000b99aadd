"""The resolved spec: every number decided, each with the place that it came from."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from archspec.errors import Span
from archspec.recipe import Train
from archspec.scaling import Rounding
from archspec.source import Tree

Section = Literal["stem", "stages", "head"]
SECTIONS: tuple[Section, ...] = ("stem", "stages", "head")


class Setting(NamedTuple):
    """One value of a row: what it is, where it was said, and how it was computed.

    Args:
        value: as the block gets it, in the row's first block.
        origin: "row", "table", "defaults", "table for conv", …, "the block's own", "as activation".
        span: where it stands, None for the block's own.
        written: what stands there where that is not the value: `41.6 → 40 (half up, divisor 8)`.
    """

    value: object
    origin: str
    span: Span | None = None
    written: str = ""


@dataclass(frozen=True, slots=True)
class Tap:
    """The address of a value in the graph: a row `s5`, a part of a block `s5.2.expand`."""

    path: str
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Args:
        section: where it stands.
        name: what it is called.
        block: the name of its block.
        blocks: one instance of the block's parameter class per repeat.
        inputs: taps to read instead of the row before.
        rounding: of counts computed in this row.
        settings: path → value and origin, as `explain` prints them.
        span: the row in its file.
    """

    section: Section
    name: str
    block: str
    blocks: tuple[Any, ...]
    inputs: tuple[Tap, ...]
    rounding: Rounding | None
    settings: Mapping[str, Setting]
    span: Span

    @property
    def path(self) -> str:
        """Section and name, `stages.s3`."""
        return f"{self.section}.{self.name}"

    @property
    def prefix(self) -> str:
        """What the names of its nodes begin with: `s3`, `head.conv`."""
        return self.name if self.section == "stages" else self.path

    def cell(self, path: str) -> Span:
        """The place of a parameter, of a field of it, of the object around it, or the row."""
        while path:
            said = (
                setting.span
                for at, setting in self.settings.items()
                if at == path or at.startswith(f"{path}.")
            )
            if span := next(filter(None, said), None):
                return span
            path = path.rpartition(".")[0]
        return self.span


@dataclass(frozen=True, slots=True)
class Axis:
    """Values to try at one path of a spec.

    Args:
        path: what is set, as `--set` has it.
        values: at least one, no two alike, each as it is written.
        span: the path in its file or on the command line.
    """

    path: str
    values: tuple[Tree, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class OutputStride:
    """Strides beyond `at` become dilation, `at_once` or from the block `after` on."""

    at: int
    dilate: Literal["at_once", "after"]
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Normalization:
    """What is done to the pixels of an image before the net sees them.

    (pixel / scale - mean) / std, pixels from 0 to 255. Numbers are one for all channels, or one for
    each in the order that is given.

    Args:
        mean: in the units of pixel / scale.
        std: likewise.
        scale: what pixels are divided by; 255 for units of 0 to 1.
        order: of the channels.
    """

    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    scale: float = 255.0
    order: Literal["rgb", "bgr"] = "rgb"

    def affine(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Scale and offset, pixel · scale + offset.

        >>> Normalization(mean=(0.5,), std=(0.5,)).affine()
        ((0.00784313725490196,), (-1.0,))
        """
        count = max(len(self.mean), len(self.std))
        means, stds = (values * (count // len(values)) for values in (self.mean, self.std))
        scale = tuple(1 / (self.scale * std) for std in stds)
        return scale, tuple(-mean / std for mean, std in zip(means, stds, strict=True))


CENTERED = Normalization(mean=(0.5,), std=(0.5,))
"""From -1 to 1: what training and prediction take where a spec does not say it."""


@dataclass(frozen=True)
class Budget:
    """What a net may cost; None: as much as it likes.

    Args:
        params: all numbers, statistics included.
        macs: multiply-accumulates of one image.
        peak_memory: bytes of activations of one image, see `backends.cost`.
        weights: bytes of the deployed net.
        precision: in which bytes are counted.
    """

    params: int | None = None
    macs: int | None = None
    peak_memory: int | None = None
    weights: int | None = None
    precision: Literal["fp32", "fp16", "int8"] = "fp32"

    def over(self, **costs: int) -> tuple[str, ...]:
        """The names of the limits that these costs are over.

        >>> Budget(params=10, macs=20).over(params=11, macs=20)
        ('params',)
        """
        limits = {name: getattr(self, name) for name in costs}
        return tuple(
            name for name, limit in limits.items() if limit is not None and costs[name] > limit
        )


@dataclass(frozen=True)
class Spec:
    """A spec with nothing left to decide.

    Args:
        name: of the file.
        variants: the names chosen, in the order of the axes.
        source: paper and table.
        equals: library → the implementation that it must equal, `keras` → `MobileNetV2(alpha=1.0)`.
        input: (h, w, c).
        classes: width of the classifier.
        rows: of stem, stages and head, in order.
        outputs: output name → tap; empty for the last row alone.
        output_stride: the dilation rule, if any.
        normalization: of the pixels that it takes, if that is said.
        budget: what it may cost, if that is said.
        train: how it is trained.
        settings: path → value and origin of what stands beside the tables.
        written: gives `document`.
        blocks: the blocks that it was loaded with, by name.
    """

    name: str
    variants: tuple[str, ...]
    source: str
    equals: Mapping[str, str]
    input: tuple[int, int, int]
    classes: int
    rows: tuple[Row, ...]
    outputs: Mapping[str, Tap]
    output_stride: OutputStride | None
    normalization: Normalization | None
    budget: Budget | None
    train: Train
    settings: Mapping[str, Setting] = field(repr=False, compare=False)
    written: Callable[[], Mapping[str, Any]] = field(repr=False, compare=False)
    blocks: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False, compare=False)

    @property
    def detector(self) -> Row | None:
        """The row that predicts boxes, the last of block `ssd`; None: there is none."""
        return next((row for row in reversed(self.rows) if row.block == "ssd"), None)

    @property
    def title(self) -> str:
        """Name and variants, as the command line takes them: `mobilenet_v2:1.4`."""
        return ":".join((self.name, *self.variants))

    @property
    def document(self) -> Mapping[str, Any]:
        """The spec as plain data without `extends` and `variants`; it loads as this spec again."""
        return self.written()

    def __repr__(self) -> str:
        size = "x".join(map(str, self.input))
        return f"<Spec {self.title}: {size}, {len(self.rows)} rows, {self.classes} classes>"

    def _repr_html_(self) -> str:
        """For a notebook: the table with what it costs, and the diagram to be opened."""
        from archspec.notebook import html  # noqa: PLC0415  far above, and only where it is shown

        return html(self)

    def _repr_svg_(self) -> str | None:
        """For a notebook that is printed: the diagram."""
        from archspec.notebook import svg  # noqa: PLC0415

        return svg(self)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)
