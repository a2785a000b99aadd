"""Detectors and segmentation nets: their figures, their default boxes, and any backbone under any head."""

import re
from itertools import pairwise
from math import ceil
from pathlib import Path

import archspec
import numpy as np
import pytest
from archspec import verdicts, zoo
from tests import choices

VECTORS = Path(__file__).parent / "data" / "vectors"

# Figures

SIX_EVERYWHERE = {"head.ssd.anchors.reduce_lowest": False}


@pytest.mark.parametrize(
    ("reference", "said", "trainable", "macs", "boxes"),
    [
        # The configuration of TensorFlow's zoo, and what the paper counts: 4.3M and 0.8B.
        ("ssdlite_mobilenet_v2", {}, 4_500_543, "749.5M", 1917),
        ("ssdlite_mobilenet_v2:300:coco80", {}, 4_337_013, None, 1917),
        ("ssdlite_mobilenet_v2:320:coco80", {}, 4_337_013, None, 2034),
        ("ssdlite_mobilenet_v2:320", {}, 4_500_543, "804.4M", 2034),
        ("ssdlite_mobilenet_v2:voc20", {}, 3_355_833, None, 1917),
        ("ssdlite_mobilenet_v2", SIX_EVERYWHERE, 4_664_988, None, 3000),
        ("ssdlite320_mobilenet_v3_large", {}, 3_440_060, "583.2M", 3234),
        ("ssdlite_mobilenet_v3_large", {}, 3_248_255, "506.6M", 2034),
        ("lraspp_mobilenet_v3_large", {}, 3_221_538, "2086.2M", None),
        ("deeplabv3_mobilenet_v3_large:aux", {}, 11_029_328, "10452.4M", None),
        ("deeplabv3_mobilenet_v3_large", {}, 11_025_477, "10436.4M", None),
        ("deeplabv3_mobilenet_v2", {}, 2_113_557, "2740.7M", None),
        ("deeplabv3plus_mobilenet_v2", {}, 2_725_573, "5900.0M", None),
    ],
)
def test_a_net_with_a_head_costs_what_is_published_or_measured(
    reference, said, trainable, macs, boxes
):
    spec = archspec.load(reference, set=said)
    cost = archspec.cost(spec)
    assert cost.trainable == trainable
    assert macs in {f"{cost.macs / 1e6:.1f}M", None}
    if boxes:
        shapes = {name: list(shape) for name, shape in outputs(spec).items()}
        assert shapes == {"box_deltas": [boxes, 4], "class_logits": [boxes, spec.classes + 1]}
        assert len(archspec.default_boxes(spec)) == boxes


def test_statistics_of_norms_are_counted_apart_and_go_into_convolutions():
    """Open Model Zoo says 4.475 M of the net of TensorFlow without norms."""
    cost = archspec.cost("ssdlite_mobilenet_v2")
    assert cost.params == 4_551_295
    assert cost.weights.fp32 / 4 == 4_475_167
    assert archspec.cost("deeplabv3_mobilenet_v2").params == 2_146_645
    # "3.22M parameters", in the configuration of TensorFlow: without what norms learn.
    graph = archspec.to_graph("ssdlite_mobilenet_v3_large")
    kernels = [graph.weights[key].size for key in graph.weights if key.endswith(("kernel", "bias"))]
    assert sum(kernels) == 3_215_311


def test_the_parts_of_a_detector_have_as_many_parameters_as_those_of_torchvision():
    graph = archspec.to_graph("ssdlite320_mobilenet_v3_large")
    parts = dict.fromkeys(("backbone", "extra", "boxes", "classes"), 0)
    for key, weight in graph.weights.items():
        found = re.match(r"head\.(?:ssd\.level\d\.)?(extra|boxes|classes)", key)
        parts[found[1] if found else "backbone"] += weight.size * weight.trainable
    assert parts == {"backbone": 1_620_512, "extra": 452_160, "boxes": 80_784, "classes": 1_286_604}


def outputs(spec) -> dict[str, tuple[int, ...]]:
    graph = archspec.to_graph(spec)
    return {name: graph.shapes[value] for name, value in graph.outputs.items()}


# Default boxes, computed once more


def grids(height: int, width: int) -> list[tuple[int, int]]:
    """Of the strides 16 and 32, and four times a half."""
    sizes = [(ceil(height / 16), ceil(width / 16))]
    while len(sizes) < 6:
        sizes.append((ceil(sizes[-1][0] / 2), ceil(sizes[-1][1] / 2)))
    return sizes


def laid_out(grid: tuple[int, int], high: np.ndarray, wide: np.ndarray) -> np.ndarray:
    """Boxes x1, y1, x2, y2 at each pixel."""
    y, x = np.meshgrid(*((np.arange(size) + 0.5) / size for size in grid), indexing="ij")
    y, x = y[..., None], x[..., None]
    return np.stack([x - wide / 2, y - high / 2, x + wide / 2, y + high / 2], -1).reshape(-1, 4)


def of_tensorflow(height: int, width: int) -> np.ndarray:
    scales = [*np.linspace(0.2, 0.95, 6), 1.0]
    boxes = []
    for number, grid in enumerate(grids(height, width)):
        scale, after = scales[number], scales[number + 1]
        if number:
            pairs = [(scale, 1), (scale, 2), (scale, 0.5), (scale, 3), (scale, 0.3333)]
            pairs.append((np.sqrt(scale * after), 1))
        else:
            pairs = [(0.1, 1), (scale, 2), (scale, 0.5)]
        size, ratio = np.array(pairs).T
        shorter = min(height, width)
        high, wide = size / np.sqrt(ratio), size * np.sqrt(ratio)
        boxes.append(laid_out(grid, high * shorter / height, wide * shorter / width))
    return np.concatenate(boxes)


def of_torchvision(height: int, width: int) -> np.ndarray:
    scales = [0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0]
    boxes = []
    for number, grid in enumerate(grids(height, width)):
        scale, after = scales[number], scales[number + 1]
        sides = [[scale, scale], [np.sqrt(scale * after)] * 2]
        for ratio in (2, 3):
            long, short = scale * np.sqrt(ratio), scale / np.sqrt(ratio)
            sides += [[long, short], [short, long]]
        wide, high = np.clip(sides, 0, 1).T
        boxes.append(laid_out(grid, high, wide))
    return np.concatenate(boxes)


@pytest.mark.parametrize("size", [(300, 300), (320, 320), (224, 288), (416, 256), (65, 97)])
@pytest.mark.parametrize(
    ("name", "computed"),
    [
        ("ssdlite_mobilenet_v2", of_tensorflow),
        ("ssdlite_mobilenet_v3_large", of_tensorflow),
        ("ssdlite_mobilenet_v3_small", of_tensorflow),
        ("ssdlite320_mobilenet_v3_large", of_torchvision),
    ],
)
def test_default_boxes_are_those_of_the_layout(name, computed, size):
    spec = archspec.load(name, input=[*size, 3])
    found, wanted = np.array(archspec.default_boxes(spec)), computed(*size)
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= 1e-6


def test_default_boxes_may_be_written_as_a_table(load):
    table = "[[[0.2, 1], [0.4, 2]], [[0.5, 1/2]]]"
    spec = load(
        f"""
        stages:
          - {{block: conv, channels: 8, kernel: 3, stride: 16}}
          - {{block: conv, channels: 8, kernel: 3, stride: 2}}
        head: [{{block: ssd, inputs: [s1, s2], anchors: {{boxes: {table}}}}}]
        """
    )
    boxes = archspec.default_boxes(spec)
    assert len(boxes) == 2 * 4 + 1
    assert boxes[0] == pytest.approx((0.15, 0.15, 0.35, 0.35))
    half = 0.4 / 2**0.5 / 2  # of the height; twice as wide
    assert boxes[1] == pytest.approx((0.25 - 2 * half, 0.25 - half, 0.25 + 2 * half, 0.25 + half))
    half = 0.5 * 0.5**0.5 / 2  # of the width; twice as high
    assert boxes[-1] == pytest.approx((0.5 - half, 0.5 - 2 * half, 0.5 + half, 0.5 + 2 * half))


def test_a_net_without_boxes_has_no_default_boxes():
    with pytest.raises(archspec.SpecError) as caught:
        archspec.default_boxes("lraspp_mobilenet_v3_large")
    assert str(caught.value) == (
        "E307 lraspp_mobilenet_v3_large has no block 'ssd', which predicts boxes"
    )


# Any backbone under any head

HEADS = {
    "ssdlite_mobilenet_v2": 320,
    "ssdlite320_mobilenet_v3_large": 320,
    "lraspp_mobilenet_v3_large": 512,
    "deeplabv3_mobilenet_v2": 512,
    "deeplabv3plus_mobilenet_v2": 512,
}
BACKBONES = [name for name in choices.SMALLEST if not re.match("ssd|lraspp|deeplab|fcn", name)]
RIGID = {
    "densenet": "E304 stages.transition3: block 'transition'",
    "ghostnet:0.5": "E304 stages.s12: block 'ghost'",
    "ghostnet_v2": "E304 stages.s12: block 'ghost'",
    "repghostnet:0.5": "E304 stages.s12: block 'rep_ghost'",
    "repvit": "E304 stages.s4: block 'rep_vit'",
    "vgg": "E304 stages.pool5: block 'pool'",
}
"""Nets whose last stride is of a block that has no dilation."""
FAST = {"mobilenet_v4:conv_small:0.35", "resnet:10", "starnet:s050", *RIGID}


def carried(head: str, backbone: str, folder: Path) -> str:
    """The spec of a head, on another backbone."""
    text = (zoo.folder() / f"{head}.yaml").read_text(encoding="utf-8")
    text = re.sub(r"(?m)^extends: .*$", f'extends: "{backbone}"', text)
    path = folder / "swapped.yaml"
    path.write_text(re.sub(r"(?m)^equals: .*\n", "", text), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("head", [name for name in HEADS if name.startswith("ssd")])
def test_a_detector_has_any_backbone_of_the_zoo(head, backbone, tmp_path):
    spec = archspec.load(carried(head, backbone, tmp_path), input=HEADS[head])
    graph = archspec.to_graph(spec)
    row = next(row for row in spec if row.block == "ssd")
    maps = [graph.named[f"head.ssd.level{n}.boxes.depthwise.conv"].inputs[0] for n in range(1, 7)]
    sizes = [graph.shapes[name][:2] for name in maps]
    assert len(row.inputs) == 6
    # The deepest of these has the stride 16 only.
    wanted = [(19, 19), (19, 19)] if backbone.startswith("squeezenet") else [(20, 20), (10, 10)]
    assert sizes[:2] == wanted
    assert all(one > other for one, other in pairwise(sizes[1:]))
    assert set(outputs(spec)) == {"box_deltas", "class_logits"}
    # Never a branch that a sum is waiting for.
    assert not any(reader.name.endswith(".add") for reader in graph.readers[maps[0]][:1])


@pytest.mark.parametrize("backbone", choices.all_but(FAST, BACKBONES))
@pytest.mark.parametrize("head", [name for name in HEADS if not name.startswith("ssd")])
def test_a_class_for_each_pixel_is_given_by_any_backbone_that_can_be_dilated(
    head, backbone, tmp_path
):
    path = carried(head, backbone, tmp_path)
    spec = archspec.load(path, input=HEADS[head])
    if backbone in RIGID and spec.output_stride:
        with pytest.raises(archspec.SpecError) as caught:
            archspec.to_graph(spec)
        (problem,) = caught.value.diagnostics
        text = f"{problem.code} {problem.message}"
        assert text == f"{RIGID[backbone]} cannot give its stride for dilation"
        assert problem.hint == "with output_stride: none it keeps it"
        spec = archspec.load(path, input=HEADS[head], output_stride="none")
    assert outputs(spec) == {"output": (512, 512, 21)}


def test_patches_that_do_not_divide_a_map_are_refused(tmp_path):
    path = carried("ssdlite_mobilenet_v2", "mobilevit:xxs", tmp_path)
    with pytest.raises(archspec.SpecError) as caught:
        archspec.to_graph(archspec.load(path))  # of 300 pixels
    (problem,) = caught.value.diagnostics
    assert f"{problem.code} {problem.message}" == (
        "E301 s6.1.layer1.attention.mean: patches of 2x2 pixels do not divide 19x19"
    )


# Nets of torchvision that the zoo has not: other classes, sizes, backbones

OTHERS = {
    "lraspp_mobilenet_v3_small": ("lraspp_mobilenet_v3_small", "", {"classes": 2}),
    "deeplabv3_mobilenet_v3_small,aux": (
        "deeplabv3_mobilenet_v3_large:aux",
        "mobilenet_v3_torchvision_small:dilated",
        {"classes": 5, "head.aux_conv.channels": 6},
    ),
    "ssdlite_mobilenet_v3_small,num_classes=11": (
        "ssdlite320_mobilenet_v3_large",
        "mobilenet_v3_torchvision_small:reduced_tail",
        {"classes": 10},
    ),
    "ssdlite_mobilenet_v3_large,width_mult=0.5,num_classes=4": (
        "ssdlite320_mobilenet_v3_large",
        "mobilenet_v3_torchvision_large:0.5:reduced_tail",
        {"classes": 3},
    ),
}


def equal(name: str, via: str, folder: Path) -> None:
    spec, backbone, said = OTHERS[name]
    head, *variant = spec.split(":")
    reference = ":".join([carried(head, backbone, folder), *variant]) if backbone else spec
    settings = [archspec.api.setting(f"{path}={value}") for path, value in said.items()]
    file = VECTORS / f"torchvision__{name}.json"
    (verdict,) = verdicts.verify(reference, vectors=[str(file)], via=via, settings=settings)
    assert verdict.holds, verdict


@pytest.mark.parametrize("name", OTHERS)
def test_a_net_of_other_classes_and_sizes_computes_what_torchvision_does(name, tmp_path):
    equal(name, "onnx", tmp_path)


@pytest.mark.keras
@pytest.mark.parametrize(
    "name", choices.all_but({"ssdlite_mobilenet_v3_small,num_classes=11"}, OTHERS)
)
def test_it_does_in_keras(name, tmp_path):
    equal(name, "keras", tmp_path)


def test_each_vector_is_of_one_of_these():
    assert {path.stem for path in VECTORS.iterdir()} == {f"torchvision__{name}" for name in OTHERS}
