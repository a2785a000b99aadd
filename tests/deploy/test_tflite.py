import re
from zipfile import ZipFile, is_zipfile

import numpy as np
import pytest
from archspec.backends.reference import Reference
from archspec.deploy import tflite
from archspec.deploy.check import Agreement
from archspec.deploy.deviation import difference
from archspec.deploy.litert import LiteRT
from archspec.deploy.tflite import export_tflite
from archspec.errors import SpecError
from archspec.graph import Graph
from archspec.ops import Activation, Convolution, Pool
from tests.deploy.nets import chaos, names, net
from tests.parity import arrays, chain, images

pytestmark = pytest.mark.keras


def refusal(*args, **kwargs) -> str:
    with pytest.raises(SpecError) as caught:
        export_tflite(*args, **kwargs)
    return str(caught.value)


def small() -> Graph:
    return chain((4, 5, 3), Convolution((3, 3), channels=4), Activation("relu6"))


@pytest.fixture(scope="module")
def fp32(tmp_path_factory):
    path = tmp_path_factory.mktemp("fp32") / "net.tflite"
    return export_tflite(net(), arrays(net()), path, metadata={"labels.txt": "cat\ndog", "a": "1"})


def test_a_float_model_agrees_with_the_graph_before_the_passes(fp32):
    assert fp32.bytes == fp32.path.stat().st_size
    assert fp32.precision == "fp32"
    assert fp32.drift is None
    agreement = fp32.agreement
    assert agreement == Agreement(agreement.difference, 3e-5, (1,), 2, sizes=((8, 9),))
    assert 0 < agreement.difference <= 2e-6


def test_the_signature_names_input_and_outputs(fp32):
    runtime = LiteRT(fp32.path.read_bytes())
    pixels = images(net(), 3).astype(np.float32)
    expected = Reference(net(), arrays(net()))(pixels)
    found = runtime(pixels, 1)
    assert found.keys() == {"logits", "features"}
    for name, array in expected.items():
        assert found[name].shape == array.shape
        assert difference(found[name], array) <= 1e-5


def test_metadata_are_files_that_unzip_finds(fp32):
    with ZipFile(fp32.path) as archive:
        assert archive.testzip() is None
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o644}
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "a": b"1",
            "labels.txt": b"cat\ndog",
        }


def test_without_metadata_there_is_no_archive(tmp_path):
    path = tmp_path / "net.tflite"
    export_tflite(small(), arrays(small()), path, check=False)
    assert not is_zipfile(path)


def test_the_same_net_gives_the_same_bytes(tmp_path):
    shas = {
        export_tflite(small(), arrays(small()), tmp_path / "a.tflite", check=False).sha256
        for _ in range(2)
    }
    assert len(shas) == 1


def test_any_number_of_images_may_go(tmp_path):
    path = tmp_path / "net.tflite"
    exported = export_tflite(net(), arrays(net()), path, batch=None)
    assert exported.agreement is not None
    assert exported.agreement.batches == (1, 3)
    found = LiteRT(path.read_bytes())(np.zeros((5, 8, 9, 3), np.float32), 5)
    assert found["logits"].shape == (5, 5)


def test_a_fixed_number_of_images_may_be_larger_than_one(tmp_path):
    exported = export_tflite(small(), arrays(small()), tmp_path / "net.tflite", batch=3)
    assert exported.agreement is not None
    assert exported.agreement.batches == (3,)


def test_outputs_may_share_a_node_and_be_called_like_another(tmp_path):
    graph = names()
    exported = export_tflite(graph, arrays(graph), tmp_path / "net.tflite")
    assert exported.agreement is not None
    assert exported.agreement.outputs == 3


def test_a_float16_model_is_half_as_large_and_bound_by_what_rounding_weights_does(tmp_path):
    graph = chain((8, 8, 64), Convolution((3, 3), channels=64), Activation("relu"))
    weights = arrays(graph)
    single = export_tflite(graph, weights, tmp_path / "a.tflite")
    half = export_tflite(graph, weights, tmp_path / "b.tflite", precision="fp16")
    assert single.agreement is not None
    assert half.agreement is not None
    assert 0.5 < half.bytes / single.bytes < 0.52
    assert single.agreement.bound == 3e-5
    assert 1e-4 < half.agreement.difference < half.agreement.bound < 6e-3


def test_an_int8_model_tells_its_drift_and_takes_floats(tmp_path):
    graph = chain((8, 8, 64), Convolution((3, 3), channels=64), Activation("relu"))
    weights = arrays(graph)
    path = tmp_path / "net.tflite"
    seen = images(graph, 21)
    exported = export_tflite(graph, weights, path, precision="int8", images=seen)
    assert exported.agreement is None
    assert exported.drift is not None
    held = seen[::10].astype(np.float32)
    expected, found = Reference(graph, weights)(held)["output"], LiteRT(path.read_bytes())(held, 1)
    square = np.mean((found["output"] - expected) ** 2) ** 0.5 / expected.std()
    assert exported.drift == pytest.approx(square, rel=1e-6)
    assert 1e-3 < exported.drift < 0.02
    assert exported.bytes < 0.35 * graph.weights["n0/kernel"].size * 4


def test_minus_infinity_is_kept_out_of_int8(tmp_path):
    conv, pool = Convolution((3, 3), channels=16), Pool((3, 3), 2, "symmetric")
    graph = chain((8, 8, 16), conv, Activation("relu"), pool, conv)
    path = tmp_path / "net.tflite"
    seen = images(graph, 21)
    exported = export_tflite(graph, arrays(graph), path, precision="int8", images=seen)
    assert exported.drift is not None
    assert exported.drift < 0.03


def test_an_unchecked_model_tells_nothing(tmp_path):
    exported = export_tflite(small(), arrays(small()), tmp_path / "net.tflite", check=False)
    assert exported.agreement is None
    assert exported.drift is None
    assert [path.name for path in tmp_path.iterdir()] == ["net.tflite"]


def test_nothing_is_printed(tmp_path, capfd):
    export_tflite(small(), arrays(small()), tmp_path / "net.tflite")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"path": "net.onnx"},
            "E460 'net.onnx' is no name of a LiteRT file\n   it ends with .tflite",
        ),
        (
            {"precision": "fp61"},
            "E461 there is no precision 'fp61' of LiteRT files\n   did you mean 'fp16'?",
        ),
        ({"batch": 0}, "E411 a batch of 0 images"),
        (
            {"precision": "int8"},
            "E462 int8 is calibrated with images, and there are none\n"
            "   give images of 4x5x3, as the input takes them",
        ),
        (
            {"precision": "int8", "images": np.zeros((2, 5, 4, 3))},
            "E462 an image to calibrate with is 5x4x3, not 4x5x3\n"
            "   give images of 4x5x3, as the input takes them",
        ),
        (
            {"precision": "int8", "images": np.zeros((1, 4, 5, 3))},
            "E462 int8 needs 2 images or more, and there is 1\n"
            "   give images of 4x5x3, as the input takes them",
        ),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_converted(options, message):
    graph = small()
    call = {"path": "net.tflite", "graph": graph, "weights": {}, **options}
    assert refusal(**call) == message


def test_what_tensorflow_cannot_convert_names_the_operator(tmp_path, monkeypatch):
    reason = RuntimeError(
        "<unknown>:0: error: 'tf.Betainc' op is neither a custom op nor a flex op\n"
        "error: 'tf.Angle' op is neither a custom op nor a flex op"
    )
    monkeypatch.setattr(
        "tensorflow.lite.TFLiteConverter.from_saved_model", lambda _: Failing(reason)
    )
    assert refusal(small(), arrays(small()), tmp_path / "net.tflite") == (
        "E463 LiteRT has no operators for Angle, Betainc of TensorFlow"
    )
    assert list(tmp_path.iterdir()) == []


def test_another_failure_of_tensorflow_is_told_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "tensorflow.lite.TFLiteConverter.from_saved_model", lambda _: Failing(ValueError("no\nway"))
    )
    assert refusal(small(), arrays(small()), tmp_path / "net.tflite") == (
        "E463 TensorFlow cannot convert 'chain': no"
    )


class Failing:
    def __init__(self, reason: Exception) -> None:
        self.reason = reason

    def convert(self) -> bytes:
        raise self.reason


def test_what_litert_refuses_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(tflite, "_convert", lambda *_: b"no model at all")
    assert refusal(small(), arrays(small()), tmp_path / "net.tflite").startswith(
        "E464 LiteRT refuses the model: "
    )
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_is_not_finite_is_refused(tmp_path):
    weights = arrays(small())
    weights["n0/kernel"][0, 0, 0, 0] = np.nan
    assert refusal(small(), weights, tmp_path / "net.tflite") == (
        "E465 output 'output' is not finite\n   look at the weights"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_difference_is_refused(tmp_path, monkeypatch):
    convert = tflite._convert  # noqa: SLF001

    def wrong(graph, weights, *rest):
        return convert(graph, {key: array * 2 for key, array in weights.items()}, *rest)

    monkeypatch.setattr(tflite, "_convert", wrong)
    assert refusal(net(), arrays(net()), tmp_path / "net.tflite") == (
        "E466 LiteRT is 6.6e+00 standard deviations of output 'features' away from the reference,"
        " more than 3.0e-05"
    )
    assert list(tmp_path.iterdir()) == []


def test_where_rounding_hides_everything_nothing_is_claimed(tmp_path):
    graph = chaos()
    message = refusal(graph, arrays(graph), tmp_path / "net.tflite")
    # How much depends on the order in which the processor sums.
    assert re.sub(r"\d\.\de\+\d\d", "#", message) == (
        "E468 LiteRT cannot be compared: its rounding may move output 'output' by # standard"
        " deviations\n   look at the weights; random ones may do that, trained ones do not"
    )
    assert list(tmp_path.iterdir()) == []
