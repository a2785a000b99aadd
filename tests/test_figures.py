"""Parameters and multiply-accumulates against the implementations that everybody trusts."""

import json
from pathlib import Path

import archspec
import pytest
from archspec import zoo
from archspec.spec import Normalization
from tests import choices

HERE = Path(__file__).parent


def figures(library: str) -> dict[str, dict]:
    return json.loads((HERE / "data" / f"{library}.json").read_text(encoding="utf-8"))["figures"]


KERAS = figures("keras_applications")
PYTORCH = figures("pytorch")


@pytest.mark.parametrize("reference", KERAS)
def test_a_net_of_the_zoo_costs_what_keras_applications_costs(reference):
    cost = archspec.cost(reference)
    found = {"params": cost.params, "trainable": cost.trainable, "macs": cost.macs}
    assert found == KERAS[reference]


@pytest.mark.parametrize("other", PYTORCH)
def test_a_net_of_the_zoo_costs_what_timm_or_torchvision_says(other):
    spec = archspec.load(choices.named()[other])
    cost = archspec.cost(spec)
    found = {"params": cost.trainable, "macs": cost.macs, "input": list(spec.input[:2])}
    assert found == PYTORCH[other]


def test_the_figures_of_all_that_the_zoo_names_are_known():
    assert set(choices.named()) == set(PYTORCH)


OTHERWISE = {
    "efficientnet_b1",  # these two share their variants with nets of the mean and std of ImageNet
    "tf_efficientnet_b8",
    "mobilenetv3_large_150d",
    *(f"tf_efficientnetv2_{size}" for size in ("b0", "b1", "b2", "b3", "s", "m", "l", "xl")),
}
"""Nets whose variants timm normalizes in more than one way: the spec says the usual one, or none."""


def of_three(said: Normalization) -> tuple[object, ...]:
    mean, std = (values * (3 // len(values)) for values in (said.mean, said.std))
    return mean, std, said.scale, said.order


def test_the_zoo_normalizes_pixels_as_timm_does():
    text = (HERE / "data" / "timm_normalization.json").read_text(encoding="utf-8")
    known, differing = choices.named(), set()
    for kind in json.loads(text)["normalization"]:
        wanted = tuple(kind["mean"]), tuple(kind["std"]), 255, "rgb"
        for name in kind["names"]:
            found = archspec.load(known[f"timm:{name}"]).normalization
            if found is None or of_three(found) != wanted:
                differing.add(name)
    assert differing == OTHERWISE


# Layer by layer as the notebook prints them, batch norm's statistics counted.
NOTEBOOK = [
    (1024, (112, 112, 32)),
    (1040, (112, 112, 16)),
    (5784, (56, 56, 24)),
    (9768, (56, 56, 24)),
    (10960, (28, 28, 32)),
    (16096, (28, 28, 32)),
    (16096, (28, 28, 32)),
    (22400, (14, 14, 64)),
    (56768, (14, 14, 64)),
    (56768, (14, 14, 64)),
    (56768, (14, 14, 64)),
    (69216, (14, 14, 96)),
    (122016, (14, 14, 96)),
    (122016, (14, 14, 96)),
    (159200, (7, 7, 160)),
    (326240, (7, 7, 160)),
    (326240, (7, 7, 160)),
    (480640, (7, 7, 320)),
    (416000, (7, 7, 1280)),
    (0, (1, 1, 1280)),
    (1285000, (1, 1, 1000)),
    (0, (1000,)),
]


def test_the_notebook_net_is_that_of_the_notebook_layer_by_layer():
    spec = archspec.load("mobilenet_v2_notebook")
    graph = archspec.to_graph(spec)
    stages = [
        f"{row.name}.{number}"
        for row in spec
        for number in range(1, len(row.blocks) + 1)
        if row.section == "stages"
    ]
    layers = ["stem.conv", *stages, "head.conv", "head.pool", "head.classifier", "head.flatten"]
    found = []
    for layer in layers:
        nodes = list(graph.under(layer))
        params = sum(weight.size for node in nodes for weight in graph.weights_of(node).values())
        found.append((params, nodes[-1].shape))
    assert found == NOTEBOOK
    assert archspec.cost(spec).params == 3_560_040


def test_the_notebook_net_says_only_what_differs():
    lines = (zoo.folder() / "mobilenet_v2_notebook.yaml").read_text(encoding="utf-8").splitlines()
    assert any(line.startswith("extends: mobilenet_v2") for line in lines)
    assert len(lines) <= 20


GOLDEN = [
    "mobilenet_v1:0.25:128",
    "mobilenet_v2",
    "mobilenet_v2_notebook",
    "mobilenet_v3:small",
    "mobilenet_v3:large:minimalistic:0.75",
    "efficientnet:b0",
]


@pytest.mark.parametrize("reference", GOLDEN)
def test_a_graph_stays_as_it_was_printed(reference, expected):
    name = reference.replace(":", "-")
    expected(str(archspec.to_graph(reference)), HERE / "golden" / f"{name}.graph")


def test_there_is_no_golden_graph_beside_these():
    files = {path.name for path in (HERE / "golden").glob("*.graph")}
    assert files == {f"{reference.replace(':', '-')}.graph" for reference in GOLDEN}
