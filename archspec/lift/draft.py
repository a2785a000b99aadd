"""A model of Keras as a graph, call by call."""

from collections.abc import Mapping, Sequence

from archspec.errors import Diagnostic, SpecError, error, quoted
from archspec.graph import INPUT, Graph, GraphBuilder
from archspec.lift.calls import IMAGE, Call, Net
from archspec.lift.groups import Group, grouped
from archspec.lift.rules import CHAIN, POOLS, RULES
from archspec.lift.said import RefusedError, is_list
from archspec.lift.site import Draft, Site, Source, Tensor
from archspec.lift.structure import reads_in
from archspec.ops import Shape, ShapeError

LONGEST = 32
"""Calls in a row that squeezes and excites."""
SHOWN = 10
"""So many problems are shown."""


def lift_net(net: Net, size: tuple[int, int] | None) -> tuple[Graph, Mapping[str, Source]]:
    """The graph of a model, and where each of its arrays comes from.

    Raises:
        SpecError: E443, layers that cannot be lifted; E444, settings that cannot be said; E446,
            the size of the image is not known; E447, a value is too large.
    """
    image = _image(net, size)
    draft = Draft(GraphBuilder(net.name, image), _kept(net.calls))
    draft.tensors[IMAGE] = Tensor(INPUT, image)
    problems: list[Diagnostic] = []
    for item in grouped(net):
        problems += _lifted(draft, item)
    if problems:
        raise SpecError(problems[:SHOWN])
    return draft.build.build(_outputs(net, draft)), draft.sources


def _lifted(draft: Draft, item: Call | Group) -> Sequence[Diagnostic]:
    """Lift a call, or some together; what is wrong with them. What reads what failed is let be."""
    if isinstance(item, Group):
        if all(name in draft.tensors for name in item.reads) and item.lift(draft):
            return []
        return [problem for call in item.calls for problem in _lifted(draft, call)]
    if item.kind not in RULES:
        message = f"layer '{item.name}' is of the class '{item.kind}', which cannot be lifted"
        return [Diagnostic("E443", message, None)]
    if not all(name in draft.tensors for name in item.reads):
        return []
    try:
        _lift(draft, item)
    except (RefusedError, ShapeError) as reason:
        message = f"layer '{item.name}' of the class '{item.kind}' cannot be lifted: {reason}"
        return [Diagnostic("E444", message, None)]
    return []


def _lift(draft: Draft, call: Call) -> None:
    site = Site(draft, call)
    if not site.tensors:
        raise RefusedError("it reads nothing")
    if not call.kind.startswith("ops."):
        _need_idle(call)
    RULES[call.kind](site)
    site.said.finish()


def _need_idle(call: Call) -> None:
    """Refuse what a layer is told besides what it reads, and whether it is trained."""
    for value in (*call.args, *call.named.values()):
        if value is not None and not isinstance(value, bool) and not reads_in(value):
            raise RefusedError(f"it is called with {quoted(value)}")


def _kept(calls: Sequence[Call]) -> frozenset[str]:
    """Calls between a global pool and a Reshape back to an image of one pixel.

    What squeezes and excites so is a row of convolutions of that pixel.
    """
    named = {call.name: call for call in calls}
    kept: set[str] = set()
    for call in calls:
        wanted = call.settings.get("target_shape", call.settings.get("newshape"))
        if "Reshape" not in call.kind or not is_list(wanted) or wanted[-3:-1] != [1, 1]:
            continue
        row: list[str] = []
        while len(call.reads) == 1 and call.reads[0] in named and len(row) < LONGEST:
            call = named[call.reads[0]]  # noqa: PLW2901  one step back
            if call.kind not in CHAIN or call.name in kept:
                break
            row.append(call.name)
        if call.kind in POOLS or call.name in kept:
            kept.update(row)
    return frozenset(kept)


def _image(net: Net, size: tuple[int, int] | None) -> Shape:
    """The shape (h, w, c) of the images."""
    shape = net.shape
    channels = shape[3] if len(shape) == 4 else None  # noqa: PLR2004  batch, h, w, c
    if channels is None:
        shown = ", ".join("?" if side is None else str(side) for side in shape)
        raise error("E446", f"the model reads ({shown}), not images of known channels")
    height, width = shape[1:3]
    if size and ((height or size[0]), (width or size[1])) != size:
        raise error("E446", f"the model reads images of {height}x{width}, not {size[0]}x{size[1]}")
    height, width = size or (height, width)
    if height is None or width is None:
        hint = "say height and width, as in '--size 224'"
        raise error("E446", "the model does not say how large its images are", hint=hint)
    if not all(0 < side <= 1 << 16 for side in (height, width, channels)):
        raise error("E446", f"images of {height}x{width}x{channels}")
    return height, width, channels


def _outputs(net: Net, draft: Draft) -> Mapping[str, str]:
    return {name: draft.flat(draft.tensors[call]) for name, call in net.outputs.items()}
