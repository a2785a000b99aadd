"""Whether specs compute what the implementations compute that they name; one verdict for each."""

import os
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any, Literal, TypeAlias

from archspec import api, zoo
from archspec.backends import framework
from archspec.block import Block
from archspec.errors import SpecError, error
from archspec.graph import Graph
from archspec.proof import FLOAT32, FLOAT64, Vector, agreement, of, read
from archspec.resolve import open_spec
from archspec.source import Scalar, Tree
from archspec.spec import Spec

Via: TypeAlias = Literal["onnx", "keras"]
"""What is compared with a vector: the ONNX model in ONNX Runtime, or the Keras model."""

IMAGE = (96, 129)
"""Height and width at which Keras's models are compared: an even size and an odd one."""
KERAS = "keras"


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

    def graph(self, image: tuple[int, int, int]) -> Graph:
        """The graph for images (h, w, c)."""
        return api.to_graph(self.load(api.setting(f"input={list(image)}")))


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
    given = {vector.reference: vector for vector in map(read, vectors)}
    named = [f"{library}:{name}" for library, name in spec.equals.items()]
    for other in given or named:
        cost = api.cost(spec)
        bound = FLOAT64 if _is_live(other, given) else FLOAT32
        difference, reason = None, ""
        try:
            difference = _difference(candidate, other, given.get(other), via)
        except SpecError as wrong:
            first = wrong.diagnostics[0]
            reason = f"{first.code} {first.message}"
        yield Verdict(reference, other, cost.trainable, cost.macs, difference, bound, reason)


def _is_live(other: str, given: Container[str]) -> bool:
    return other.partition(":")[0] == KERAS and other not in given


def _difference(candidate: _Candidate, other: str, given: Vector | None, via: Via) -> float:
    """max|a - b| / std(b) of the outputs."""
    library, _, name = other.partition(":")
    if given is None and library == KERAS:
        from archspec.proof.applications import prove  # noqa: PLC0415

        return prove(api.to_graph(candidate.load()), name, [IMAGE]).difference
    vector = of(other) if given is None else given
    graph = candidate.graph(vector.input)
    trainable = sum(weight.size for weight in graph.weights.values() if weight.trainable)
    if vector.params != trainable:
        raise error("E513", f"{other} has {vector.params:,} parameters")
    return agreement(graph, vector, via)


def named() -> Iterator[tuple[str, str]]:
    """Every spec of the zoo that says what it equals, with its variants, and each such reference."""
    for name in zoo.names():
        for choice, equals in open_spec(zoo.open_tree(name), zoo.open_tree).named():
            for library, other in equals.items():
                yield ":".join((name, *choice)), f"{library}:{other}"


def verify_all(references: Iterable[str], via: Via = "onnx") -> Iterator[Verdict]:
    """The same for many specs, one process a core, in their order."""
    context = get_context("spawn")  # TensorFlow does not survive a fork
    with ProcessPoolExecutor(os.cpu_count(), context) as pool:
        for verdicts in pool.map(_verified, references, (via for _ in iter(int, 1))):
            yield from verdicts


def _verified(reference: str, via: Via) -> list[Verdict]:
    with framework("a comparison with keras.applications"):
        return list(verify(reference, via=via))
