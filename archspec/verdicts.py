"""Whether specs compute what the implementations compute that they name; one verdict for each."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from math import inf
from multiprocessing import active_children, get_context
from signal import SIG_DFL, SIGINT, signal
from typing import Any, Literal, TypeAlias

from archspec import api, zoo
from archspec.backends import framework
from archspec.block import Block
from archspec.errors import SpecError, error
from archspec.proof import BOXES, FLOAT32, FLOAT64, Vector, agreement, of, read
from archspec.resolve import open_spec
from archspec.source import Scalar, Tree
from archspec.spec import Spec

Via: TypeAlias = Literal["onnx", "keras"]
"""What is compared with a vector: the ONNX model in ONNX Runtime, or the Keras model."""

IMAGE = (96, 129)
"""Height and width at which Keras's models are compared: an even size and an odd one."""
KERAS = "keras"
LIBRARIES = ("timm", "torchvision", KERAS)
LARGE = 200_000_000
"""Parameters of a net that is compared by itself: it takes 24 bytes for each, 5 GB and more."""
TASKS = 64
"""Comparisons of processes that keep some of the memory that they once needed."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one comparison.

    Args:
        spec: as the command line takes it.
        reference: `timm:mobilenetv2_100`.
        params: of the spec, trainable.
        macs: of the spec, at its own size.
        difference: max|a - b| / std(b) of the outputs; None where they could not be compared.
        bound: the most that it may be.
        reason: why they could not be compared.
    """

    spec: str
    reference: str
    params: int
    macs: int
    difference: float | None
    bound: float
    reason: str = ""

    @property
    def holds(self) -> bool:
        """Whether both compute the same."""
        return self.difference is not None and self.difference <= self.bound

    @property
    def verdict(self) -> str:
        """In a word, or why not."""
        return "equal" if self.holds else self.reason or "different"

    @property
    def record(self) -> dict[str, Any]:
        """A line of the table."""
        return {
            "spec": self.spec,
            "reference": self.reference,
            "params": self.params,
            "macs": self.macs,
            "difference": "" if self.difference is None else f"{self.difference:.1e}",
            "verdict": self.verdict,
        }


@dataclass(frozen=True)
class _Candidate:
    """A spec that can be loaded again for images of another size."""

    reference: str
    settings: Sequence[tuple[Scalar, Tree]]
    blocks: Mapping[str, Block]

    def load(self, *more: tuple[Scalar, Tree]) -> Spec:
        """The spec, with more settings."""
        return api.load_with(self.reference, [*self.settings, *more], self.blocks)

    def sized(self, image: tuple[int, int, int]) -> Spec:
        """The spec for images (h, w, c)."""
        return self.load(api.setting(f"input={list(image)}"))


def verify(
    reference: str,
    *,
    vectors: Sequence[str] = (),
    via: Via = "onnx",
    settings: Sequence[tuple[Scalar, Tree]] = (),
    blocks: Mapping[str, Block] = api.BLOCKS,
) -> Iterator[Verdict]:
    """Compare a spec with all that it says it equals, or with vectors in files.

    Args:
        reference: a zoo name or path, with variants.
        vectors: files of vectors to compare it with instead.
        via: what is compared with vectors.
        settings: what `--set` says.
        blocks: as in `load`.

    Raises:
        SpecError: the spec is wrong; E510, a file is no vector; E511, it names nothing.
    """
    candidate = _Candidate(reference, settings, blocks)
    spec = candidate.load()
    if not vectors and not spec.equals:
        hint = "as in `equals: {timm: mobilenetv2_100}`, or give --vector FILE"
        raise error("E511", f"{spec.title} does not say what it equals", hint=hint)
    given = [(vector.reference, vector) for vector in map(read, vectors)]
    named = [(f"{library}:{name}", None) for library, name in spec.equals.items()]
    cost = api.cost(spec)
    for other, vector in given or named:
        live = vector is None and other.partition(":")[0] == KERAS
        difference, reason = None, ""
        try:
            difference = (
                _live_difference(candidate, other)
                if live
                else _difference(candidate, vector or of(other), via)
            )
        except SpecError as wrong:
            first = wrong.diagnostics[0]
            reason = f"{first.code} {first.message}"
        bound = FLOAT64 if live else FLOAT32
        yield Verdict(reference, other, cost.trainable, cost.macs, difference, bound, reason)


def _live_difference(candidate: _Candidate, other: str) -> float:
    """max|a - b| / std(b) of the outputs, the other model built by Keras."""
    with framework("a comparison with keras.applications"):
        from archspec.proof.applications import prove  # noqa: PLC0415

    function = other.partition(":")[2]
    return prove(api.to_graph(candidate.load()), function, [IMAGE]).difference


def _difference(candidate: _Candidate, vector: Vector, via: Via) -> float:
    """max|a - b| / std(b) of the outputs, that of the other model known."""
    graph = api.to_graph(candidate.sized(vector.input))
    trainable = sum(weight.size for weight in graph.weights.values() if weight.trainable)
    if vector.params != trainable:
        raise error("E513", f"{vector.reference} has {vector.params:,} parameters")
    boxes = api.default_boxes(candidate.sized(vector.input)) if BOXES in vector.outputs else ()
    return agreement(graph, vector, via, boxes)


def named() -> Iterator[tuple[str, str]]:
    """Every spec of the zoo that says what it equals, with its variants, and what it equals."""
    for name in zoo.names():
        for choice, equals in open_spec(zoo.open_tree(name), zoo.open_tree).named():
            for library, other in equals.items():
                yield ":".join((name, *choice)), f"{library}:{other}"


def verify_all(references: Sequence[str], via: Via = "onnx") -> Iterator[list[Verdict]]:
    """The same for many specs, one process a core, the large ones one after the other at the end.

    Raises:
        SpecError: as `verify`; E514, the system ended a process.
    """
    large = [name for name in references if api.cost(name).params > LARGE]
    small = [name for name in references if name not in large]
    for start in range(0, len(small), TASKS):
        yield from _in_processes(small[start : start + TASKS], via, os.cpu_count() or 1)
    for name in large:
        yield from _in_processes([name], via, 1)


def _in_processes(references: Sequence[str], via: Via, count: int) -> Iterator[list[Verdict]]:
    """In processes that end afterwards and so give their memory back."""
    context = get_context("spawn")  # TensorFlow does not survive a fork
    # Ctrl-C reaches every process; each would print what it interrupts.
    pool = ProcessPoolExecutor(count, context, signal, (SIGINT, SIG_DFL))
    with pool:
        pending = [pool.submit(_verified, reference, via) for reference in references]
        try:
            for future in pending:
                yield future.result()
        except BrokenProcessPool as reason:
            hint = "memory may have been short; `archspec verify SPEC` takes one at a time"
            raise error("E514", "a process was ended from outside", hint=hint) from reason
        except BaseException:
            # Nobody waits for the others, and to cancel them is a race that prints a traceback.
            for process in active_children():
                process.terminate()
            raise


def _verified(reference: str, via: Via) -> list[Verdict]:
    return list(verify(reference, via=via))


def summary(found: Iterable[Verdict]) -> list[dict[str, Any]]:
    """A record for each spec: how many of each library it equals, and how far it is at most."""
    families: dict[str, list[Verdict]] = {}
    for verdict in found:
        families.setdefault(verdict.spec.partition(":")[0], []).append(verdict)
    return [
        {"spec": f"`{name}`", **{library: _counted(own, library) for library in LIBRARIES}}
        for name, own in families.items()
    ]


def _counted(verdicts: Sequence[Verdict], library: str) -> str:
    """`7, 5.1e-06`; `6 of 7` where one is not equal; nothing where there is none."""
    own = [verdict for verdict in verdicts if verdict.reference.partition(":")[0] == library]
    known = [verdict.difference for verdict in own if verdict.difference is not None]
    equal = len({verdict.reference for verdict in own if verdict.holds})
    every = len({verdict.reference for verdict in own})
    if not own:
        return ""
    return f"{equal if equal == every else f'{equal} of {every}'}, {max(known, default=inf):.1e}"
