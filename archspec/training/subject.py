"""What is trained of a net: the part whose outputs the loss is about."""

from collections.abc import Mapping
from dataclasses import replace

from archspec.errors import SpecError, error
from archspec.graph import Graph, needed
from archspec.passes.scores import scores
from archspec.spec import Spec
from archspec.training.objectives import Task

OUTPUT, AUX = "output", "aux"
BOXES = ("box_deltas", "class_logits")


def subject(spec: Spec, graph: Graph, task: Task) -> Graph:
    """The graph of a net with the outputs that are trained, whatever outputs the net has.

    Of a classifier its logits; of a net that segments its image of logits, and one called `aux`; of
    a detector what it predicts.

    Raises:
        SpecError: E731, it has no such output.
    """
    if task == "detection":
        row = spec.detector
        assert row  # noqa: S101  so its task says
        names = (row.prefix, f"{row.prefix}.1")
        outputs = {
            output: f"{name}.{output}"
            for output in BOXES
            for name in names
            if f"{name}.{output}" in graph.named
        }
    elif task == "segmentation":
        outputs = _heads(spec, graph)
    else:
        graph, outputs = _classes(spec, graph)
    return needed(replace(graph, outputs=outputs))


def _classes(spec: Spec, graph: Graph) -> tuple[Graph, Mapping[str, str]]:
    graph = scores(graph, "logits")
    found = [node for node in graph.outputs.values() if graph.shapes[node] == (spec.classes,)]
    if not found:
        raise _missing(spec, f"is a vector of {spec.classes} classes")
    return graph, {OUTPUT: found[0]}


def _heads(spec: Spec, graph: Graph) -> Mapping[str, str]:
    wanted = (*graph.input[:2], spec.classes)
    fitting = {name: node for name, node in graph.outputs.items() if graph.shapes[node] == wanted}
    main = next((node for name, node in fitting.items() if name != AUX), None)
    if main is None:
        size = "x".join(map(str, wanted))
        raise _missing(spec, f"is an image of {size}", "a row `resize` at the end makes one")
    aux = {AUX: fitting[AUX]} if AUX in fitting else {}
    return {OUTPUT: main, **aux}


def _missing(spec: Spec, what: str, hint: str = "") -> SpecError:
    span = next((tap.span for tap in spec.outputs.values()), None)
    return error("E731", f"no output of {spec.title} {what}", span, hint)
