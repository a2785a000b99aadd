import numpy as np
import pytest
from archspec.errors import SpecError
from archspec.graph import INPUT, Graph, GraphBuilder
from archspec.ops import Activation, BatchNorm, Convolution, Dense, Dropout, Flatten
from archspec.weights.foreign import LIBRARIES, assign, functions, placed, tables
from archspec.weights.foreign.names import Table, names
from tests.parity import chain


def graph_of(*names: str) -> Graph:
    build = GraphBuilder("net", (8, 8, 4))
    for name in names:
        row = (
            f"stages.{name.partition('.')[0]}" if name[0] == "s" and name[1].isdigit() else "stem.x"
        )
        op = BatchNorm() if name.endswith("norm") else Convolution((1, 1), channels=4)
        build.add(name, op, [INPUT], row)
    return build.build({"output": names[-1]})


def named(graph: Graph, **said) -> dict[str, tuple[str, ...]]:
    return names(graph, Table(library="timm", name="test", **said))


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_table_says_something(library):
    for name, table in tables(library).items():
        assert table.layers or table.blocks, name
        assert bool(table.functions) == (library == "keras") or not table.functions, name


def test_every_function_of_keras_has_one_table():
    every = [function for table in tables("keras").values() for function in table.functions]
    assert sorted(every) == sorted(functions())
    assert {f"EfficientNetB{number}" for number in range(8)} <= set(functions())


def test_a_place_is_counted_by_stage_row_and_block_whatever_the_rows_are_called():
    graph = graph_of("s1.1.a.conv", "sX.1.a.conv", "sX.2.a.conv", "s3.1.a.conv")
    found = named(graph, blocks={"a.conv": "{stage}|{row}|{block}|{index}|{letter}"}, stages=[1, 2])
    assert [choice[0] for choice in found.values()] == [
        "0|0|0|0|a.weight",
        "1|1|0|1|a.weight",
        "1|1|1|2|b.weight",
        "1|2|2|3|a.weight",
    ]


def test_rows_beyond_the_stages_that_are_told_are_a_stage_each():
    graph = graph_of("s1.1.a.conv", "s2.1.a.conv", "s3.1.a.conv", "s4.1.a.conv")
    found = named(graph, blocks={"a.conv": "{stage}"}, stages=[2])
    assert [choice[0] for choice in found.values()] == [f"{n}.weight" for n in (0, 0, 1, 2)]


def test_a_number_may_be_multiplied_and_shifted():
    graph = graph_of("s1.1.a1.conv", "s1.2.a3.conv")
    found = named(graph, blocks={"a*.conv": "{block*2+1}.{*-1}.{*}.{nth*3}"})
    assert [choice[0] for choice in found.values()] == ["1.0.1.3.weight", "3.2.3.3.weight"]


def test_sizes_tell_how_many_blocks_a_stage_has_whatever_their_rows():
    graph = graph_of("s1.1.a.conv", "s2.1.a.conv", "s2.2.a.conv", "s2.3.a.conv", "s3.1.a.conv")
    found = named(graph, blocks={"a.conv": "{stage}.{block}"}, sizes=[2, 2])
    assert [choice[0] for choice in found.values()] == [
        f"{place}.weight" for place in ("0.0", "0.1", "1.0", "1.1", "2.0")
    ]


def test_parts_and_repeated_keys_are_counted_within_a_block():
    graph = graph_of("s1.1.a.conv", "s1.1.a.norm", "s1.1.b.conv", "s1.1.b.norm", "s1.2.b.norm")
    found = named(graph, blocks={"*.conv": "{*}{part}", "*.norm": "bn{nth}_{part+1}"})
    modules = [found[key][0] for key in found if key.endswith(("kernel", "gamma"))]
    assert modules == ["a0.weight", "bn1_1.weight", "b1.weight", "bn2_2.weight", "bn1_1.weight"]


def test_the_first_block_may_have_a_prefix_of_its_own():
    graph = graph_of("stem.conv", "s1.1.a.conv", "s1.2.a.conv")
    said = {
        "layers": {"stem.conv": "in"},
        "block": "b{index}.",
        "first": "b.",
        "blocks": {"a.conv": "x"},
    }
    assert [choice[0] for choice in named(graph, **said).values()] == [
        "in.weight",
        "b.x.weight",
        "b1.x.weight",
    ]


def test_a_key_with_an_array_names_the_tensor_itself():
    graph = graph_of("s1.1.a.norm")
    found = named(graph, blocks={"a.norm/gamma": "scale", "*.norm": "bn"})
    assert found["s1.1.a.norm/gamma"] == ("scale",)
    assert found["s1.1.a.norm/moving_variance"] == ("bn.running_var",)


def test_of_several_names_the_first_that_a_file_has_is_taken():
    graph = graph_of("s1.1.a.conv", "s2.1.a.conv")
    table = Table(library="timm", name="test", block="{row}.", blocks={"a.conv": ["x", "y"]})
    found = assign(["0.y.weight", "1.x.weight", "1.y.weight"], graph, [table])
    assert found.theirs == {"s1.1.a.conv/kernel": "0.y.weight", "s2.1.a.conv/kernel": "1.x.weight"}
    assert found.surplus == ("1.y.weight",)


def test_several_arrays_may_be_one_of_ours():
    graph = graph_of("s1.1.a.conv")
    table = Table(library="timm", name="t", block="b.", blocks={"a.conv": ["x", "y.0 + y.1"]})
    name = "b.y.0.weight + b.y.1.weight"
    shapes = {"b.y.0.weight": (1, 4, 1, 1), "b.y.1.weight": (3, 4, 1, 1)}
    known = assign(shapes, graph, [table])
    assert (known.theirs, known.surplus) == ({"s1.1.a.conv/kernel": name}, ())
    arrays = {key: np.full(shape, shape[0]) for key, shape in shapes.items()}
    found = placed(known, shapes, graph, "f").array("s1.1.a.conv/kernel", arrays.__getitem__)
    assert found[0, 0].tolist() == [[1, 3, 3, 3]] * 4
    lacking = assign(["b.y.0.weight"], graph, [table])
    assert (lacking.theirs, lacking.surplus) == ({}, ("b.y.0.weight",))
    with pytest.raises(SpecError, match=r"b\.y\.1\.weight is \[\] and not \[4, 4, 1, 1\]"):
        placed(known, {**shapes, "b.y.1.weight": (3, 5, 1, 1)}, graph, "f")


def test_the_table_that_fits_best_is_taken():
    graph = graph_of("stem.conv", "stem.norm")
    poor = Table(library="timm", name="poor", layers={"stem.conv": "c"})
    good = Table(library="timm", name="good", layers={"stem.conv": "c", "stem.norm": "n"})
    file = ["c.weight", "n.weight", "n.bias", "n.running_mean", "n.running_var"]
    assert assign(file, graph, [poor, good]).table is good


def test_names_that_keras_makes_up_are_found_by_a_pattern():
    graph = graph_of("stem.standardize", "stem.conv.conv")
    table = functions()["EfficientNetB0"]
    for layer in ("normalization", "normalization_12"):
        found = assign([f"{layer}/kernel", "stem_conv/0"], graph, [table])
        assert found.theirs == {
            "stem.standardize/kernel": f"{layer}/kernel",
            "stem.conv.conv/kernel": "stem_conv/0",
        }


def test_counters_are_no_surplus():
    graph = graph_of("stem.conv")
    table = Table(library="timm", name="t", layers={"stem.conv": "c"})
    found = assign(["c.weight", "bn.num_batches_tracked", "z", "b"], graph, [table])
    assert (found.ignored, found.surplus) == (("bn.num_batches_tracked",), ("z", "b"))


def test_everything_that_does_not_fit_is_said_at_once():
    graph = graph_of("stem.conv", "stem.norm", "stem.other.conv")
    table = Table(library="timm", name="t", layers={"stem.conv": "c", "stem.norm": "n"})
    shapes = {
        "c.weight": (4, 4, 3, 3),
        "n.bias": (4,),
        "n.running_mean": (5,),
        "n.running_var": (4,),
        "more": (1,),
    }
    with pytest.raises(SpecError) as caught:
        placed(assign(shapes, graph, [table]), shapes, graph, "'net.pth'")
    assert str(caught.value) == (
        "E504 'net.pth' lacks 2 of the 6 arrays of net: stem.norm/gamma (n.weight),"
        " stem.other.conv/kernel\n"
        "E505 'net.pth' holds 1 that net does not have: more\n"
        "E506 'net.pth' holds 2 in another shape than net: c.weight is [4, 4, 3, 3] and not"
        " [4, 4, 1, 1], n.running_mean is [5] and not [4]"
    )


def converted(graph: Graph, node: str, array: np.ndarray) -> np.ndarray:
    table = Table(library="timm", name="t", layers={node: "x"})
    found = placed(
        assign(["x.weight"], graph, [table]),
        {"x.weight": array.shape},
        graph,
        "f",
        [key for key in graph.weights if key != f"{node}/kernel"],
    )
    return found.array(f"{node}/kernel", {"x.weight": array}.__getitem__)


def test_kernels_are_turned_to_keras_layout():
    array = np.arange(5 * 2 * 3 * 3).reshape(5, 2, 3, 3)
    found = converted(chain((8, 8, 2), Convolution((3, 3), channels=5)), "n0", array)
    assert np.array_equal(found, array.transpose(2, 3, 1, 0))
    array = np.arange(8 * 3 * 3).reshape(8, 1, 3, 3)
    found = converted(chain((8, 8, 4), Convolution((3, 3), channels=8, groups=4)), "n0", array)
    assert found.shape == (3, 3, 4, 2)
    assert np.array_equal(found[..., 1, 0], array[2, 0])
    array = np.arange(6 * 2).reshape(6, 2, 1, 1)
    found = converted(chain((8, 8, 4), Convolution((1, 1), channels=6, groups=2)), "n0", array)
    assert np.array_equal(found[0, 0], array[..., 0, 0].T)


def test_a_linear_layer_and_a_1x1_convolution_stand_for_one_another():
    array = np.arange(12).reshape(3, 4)
    found = converted(chain((1, 1, 4), Convolution((1, 1), channels=3)), "n0", array)
    assert np.array_equal(found[0, 0], array.T)
    dense = chain((1, 1, 4), Flatten(), Dense(3))
    assert np.array_equal(converted(dense, "n1", array), array.T)
    assert np.array_equal(converted(dense, "n1", array.reshape(3, 4, 1, 1)), array.T)


@pytest.mark.parametrize(
    ("op", "shape"),
    [
        (Convolution((1, 1), channels=3), (4, 3)),
        (Convolution((3, 3), channels=8, groups=4), (3, 3, 1, 8)),
    ],
)
def test_keras_may_have_a_dense_layer_or_groups_for_a_convolution(op, shape):
    graph = chain((8, 8, 4), op)
    table = Table(library="keras", name="t", layers={"n0": "x"})
    array = np.arange(np.prod(shape)).reshape(shape)
    known = assign(["x/kernel"], graph, [table])
    found = placed(known, {"x/kernel": shape}, graph, "f").array("n0/kernel", lambda _: array)
    assert found.shape == graph.weights["n0/kernel"].shape
    assert np.array_equal(found.ravel(), array.ravel())


def test_a_linear_layer_on_a_flattened_image_has_its_channels_first():
    graph = chain((2, 3, 4), Activation("relu"), Flatten(), Dropout(0.5), Dense(5))
    image = np.random.default_rng(0).normal(size=(2, 3, 4))
    array = np.random.default_rng(1).normal(size=(5, 24))
    wanted = array @ image.transpose(2, 0, 1).ravel()
    assert np.allclose(image.ravel() @ converted(graph, "n3", array), wanted)
    as_window = array.reshape(5, 4, 2, 3)
    assert np.array_equal(converted(graph, "n3", as_window), converted(graph, "n3", array))
