import gc
import math

import numpy as np
import onnx
import pytest
from archspec.deploy import bench
from archspec.deploy.bench import Conditions, Latency, Spread, measure, spread, times
from archspec.errors import SpecError
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT


def model(*inputs, kind="Identity", out=FLOAT) -> bytes:
    """One node for the first of some inputs (name, type, shape)."""
    infos = [helper.make_tensor_value_info(*given) for given in inputs]
    output = helper.make_tensor_value_info("y", out, None)
    node = helper.make_node(kind, [inputs[0][0]], ["y"])
    made = helper.make_model(
        helper.make_graph([node], "net", infos, [output]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    return made.SerializeToString()


def refusal(data, conditions=Conditions()) -> str:  # noqa: B008  frozen
    with pytest.raises(SpecError) as caught:
        times([("net.onnx", data)], conditions, rounds=1)
    return str(caught.value)


class Clock:
    """A clock that a model's run moves on."""

    def __init__(self) -> None:
        self.now = 0.0
        self.runs: list[str] = []

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    """Sessions that take as long as their model's name says, in milliseconds."""
    clock = Clock()
    monkeypatch.setattr(bench, "perf_counter", clock)

    class Session:
        def __init__(self, name: str) -> None:
            self.name = name

        def get_inputs(self) -> list[object]:
            return []

        def run(self, outputs: None, feed: dict[str, np.ndarray]) -> None:
            assert outputs is None
            assert feed == {}
            assert not gc.isenabled()
            clock.runs.append(self.name)
            clock.now += float(self.name) / 1000

    monkeypatch.setattr(bench, "_session", lambda name, *_: Session(name))
    return clock


@pytest.mark.usefixtures("clock")
def test_models_take_turns_and_are_compared_with_the_first():
    slow, quick = measure([("20", b""), ("5", b"")], rounds=4)
    assert slow.seconds.median == pytest.approx(0.02)
    assert slow.ratio == Spread(1, 1, 1)
    assert quick.name == "5"
    assert quick.seconds == pytest.approx((0.005,) * 3)
    assert quick.ratio == pytest.approx((0.25,) * 3)


def test_a_round_is_as_long_as_the_clock_needs_and_begun_by_another_model_each_time(clock):
    times([("20", b""), ("4", b"")], rounds=3)
    warm = 1 + bench.WARM_UP
    assert clock.runs[: 2 * warm] == ["20"] * warm + ["4"] * warm
    quick = ["4"] * math.ceil(bench.LEAST / 0.004)
    assert clock.runs[2 * warm :] == ["20", *quick, *quick, "20", "20", *quick]


def test_a_round_in_which_all_are_slower_does_not_change_the_ratio(clock, monkeypatch):
    def rounds(numbers):
        for number in numbers:
            monkeypatch.setattr(clock, "now", clock.now + number)
            yield number

    first, second = measure([("20", b""), ("10", b"")], rounds=5, turns=rounds)
    assert first.ratio.high == 1
    assert second.ratio.low == pytest.approx(second.ratio.high) == pytest.approx(0.5)


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("was", [True, False])
def test_garbage_is_collected_afterwards_as_before(was):
    (gc.enable if was else gc.disable)()
    try:
        times([("1", b"")], rounds=1)
        assert gc.isenabled() is was
    finally:
        gc.enable()


def test_quartiles_of_one_number_are_that_number():
    assert spread([3.0]) == (3, 3, 3)
    assert spread([4.0, 1.0, 2.0, 3.0, 5.0]) == (2, 3, 4)


@pytest.mark.parametrize(
    ("type_", "low", "high"),
    [
        (TensorProto.FLOAT, -10, 10),
        (TensorProto.FLOAT16, -10, 10),
        (TensorProto.DOUBLE, -10, 10),
        (TensorProto.UINT8, 0, 255),
        (TensorProto.INT64, 0, 255),
    ],
)
def test_images_are_of_the_type_and_shape_that_a_model_declares(type_, low, high):
    data = model(("x", type_, ["batch", 3, "h", "w"]), out=type_)
    run = bench._Run.of("net", data, Conditions(batch=2, size=(4, 5)))  # noqa: SLF001
    (image,) = run.feed.values()
    assert image.shape == (2, 3, 4, 5)
    assert image.dtype == helper.tensor_dtype_to_np_dtype(type_)
    assert low <= image.min() < image.max() <= high
    run.warm_up()


def test_a_size_is_for_dimensions_without_a_number_and_each_input_has_its_own():
    data = model(("x", FLOAT, ["n", "h", "w", 3]), ("mask", FLOAT, ["n"]), ("scale", FLOAT, []))
    run = bench._Run.of("net", data, Conditions(size=(4, 5)))  # noqa: SLF001
    shapes = {name: array.shape for name, array in run.feed.items()}
    assert shapes == {"x": (1, 4, 5, 3), "mask": (1,), "scale": ()}
    data = model(("x", FLOAT, ["n", 3, 8, 9]))
    (image,) = bench._Run.of("net", data, Conditions(size=(4, 5))).feed.values()  # noqa: SLF001
    assert image.shape == (1, 3, 8, 9)


def test_a_file_is_read_with_the_data_beside_it(tmp_path):
    made = onnx.load_from_string(model(("x", FLOAT, [1, 4])))
    made.graph.node[0].op_type = "Add"
    made.graph.node[0].input.append("w")
    made.graph.initializer.append(numpy_helper.from_array(np.arange(4, dtype=np.float32), "w"))
    path = tmp_path / "net.onnx"
    onnx.save(made, path, save_as_external_data=True, location="data", size_threshold=0)
    assert (tmp_path / "data").stat().st_size == 16
    (found,) = measure([("net", path)], rounds=2)
    assert isinstance(found, Latency)
    assert 0 < found.seconds.low <= found.seconds.median <= found.seconds.high < 1
    (tmp_path / "data").unlink()
    assert refusal(path).startswith("E471 ONNX Runtime refuses 'net.onnx': ")


@pytest.mark.parametrize("data", [b"", b"hello, this is text", model(("x", FLOAT, [1]))[:-9]])
def test_what_is_no_onnx_is_refused(data, tmp_path):
    assert refusal(data) == "E470 'net.onnx' is no ONNX file"
    (tmp_path / "net.onnx").write_bytes(data)
    assert refusal(tmp_path / "net.onnx") == "E470 'net.onnx' is no ONNX file"


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    assert refusal(tmp_path / "no") == "E100 cannot read 'net.onnx': No such file or directory"
    assert refusal(tmp_path) == "E100 cannot read 'net.onnx': Is a directory"


def test_what_onnx_runtime_refuses_is_refused():
    assert refusal(model(("x", FLOAT, [1]), kind="Frobnicate")) == (
        "E471 ONNX Runtime refuses 'net.onnx': [ONNXRuntimeError] : 10 : INVALID_GRAPH : This is an"
        ' invalid model. In Node, ("", Frobnicate, "", -1) : ("x": tensor(float),) -> ("y":'
        " tensor(float),) , Error No Op registered for Frobnicate with domain_version of 17"
    )


def test_what_fails_when_it_runs_is_refused():
    made = onnx.load_from_string(model(("x", FLOAT, [1, "a"]), ("z", FLOAT, [1, 3])))
    made.graph.node[0].op_type = "Add"
    made.graph.node[0].input.append("z")
    message = refusal(made.SerializeToString(), Conditions(size=(2,)))
    assert message.startswith(
        "E471 ONNX Runtime refuses 'net.onnx': [ONNXRuntimeError] : 1 : FAIL : Non-zero status code"
    )


def test_a_dimension_that_may_be_anything_is_refused():
    data = model(("x", FLOAT, ["batch", "words", None]))
    assert refusal(data) == (
        "E472 dimension 'words' of input 'x' of 'net.onnx' may be anything\n"
        "   --size says how high and wide an image is"
    )
    data = model(("x", FLOAT, ["batch", "h", "w", None]))
    assert refusal(data, Conditions(size=(2, 3))).startswith("E472 dimension '?' of input 'x' of")


def test_another_number_of_images_is_refused():
    data = model(("x", FLOAT, [4, 3]))
    assert refusal(data, Conditions(batch=2)) == (
        "E473 'net.onnx' takes 4 images at once, not 2\n   --batch 4"
    )
    times([("net.onnx", data)], Conditions(batch=4), rounds=1)
    times([("net.onnx", model(("x", FLOAT, ["n", 3]), ("sizes", FLOAT, [4])))], rounds=1)


def test_a_type_that_is_not_drawn_is_refused():
    data = model(("x", TensorProto.STRING, [1]), out=TensorProto.STRING)
    assert refusal(data) == (
        "E474 input 'x' of 'net.onnx' is a tensor(string), of which nothing is drawn"
    )


@pytest.mark.parametrize("type_", [FLOAT, TensorProto.UINT8])
def test_images_that_no_memory_holds_are_refused(type_):
    data = model(("x", type_, ["n", 3, "h", "w"]), out=type_)
    assert refusal(data, Conditions(batch=65536, size=(99999, 99999))) == (
        "E475 there is no memory for input 'x' of 'net.onnx', 65536x3x99999x99999"
    )
