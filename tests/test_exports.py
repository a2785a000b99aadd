"""Files to deploy from the command line: int8, LiteRT, Keras models, and what does not go together."""

import json
from pathlib import Path

import archspec
import numpy as np
import onnx
import onnxruntime
import pytest
from archspec.deploy import metadata
from tests.commands import misuse, printed, refusal

TABLE = """\
archspec: 1
name: small
input: 32
classes: 5
normalization: {mean: 0.5, std: 0.25}
defaults: {activation: hard_swish, norm: {type: batch}}
stem:
  - {block: conv, channels: 8, kernel: 3, stride: 2}
stages:
  block: inverted_residual
  columns: [expansion, channels, stride, se]
  rows:
    - [2, 8, 1, 0.25]
    - [2, 16, 2, none]
head:
  - {block: global_pool}
  - {block: classifier}
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(TABLE)
    pixels = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), np.uint8)
    np.save(tmp_path / "images.npy", pixels)
    return tmp_path


def run(path: str, images: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path)
    (given,) = session.get_inputs()
    return session.run(None, {given.name: images})[0]


INT8 = ["--precision", "int8", "--calibrate", "images.npy"]


def test_an_int8_file_says_what_it_loses_and_is_near_float32():
    text = printed("export", "small.yaml", "-o", "int8.onnx", *INT8).splitlines()
    assert text[3].startswith(
        "int8 after 'stem.conv.activation', calibrated with 16 images; on the 4 held back 'output' is "
    )
    assert text[3].endswith(" dB), top 1 the same for 100.0%")
    printed("export", "small.yaml", "-o", "fp32.onnx", "--no-check")
    pixels = np.load("images.npy").astype(np.float32)
    images = ((pixels / 255 - 0.5) / 0.25).transpose(0, 3, 1, 2)
    exact, found = run("fp32.onnx", images), run("int8.onnx", images)
    assert np.abs(found - exact).mean() < 0.1 * exact.std()
    said = metadata.read("int8.onnx")
    assert said["archspec.precision"] == "int8"
    assert archspec.load("int8.onnx").document == archspec.load("small.yaml").document


def test_an_int8_file_of_pixels_is_calibrated_with_pixels():
    options = [*INT8, "--preprocess", "--layout", "nhwc", "--float-until", "input"]
    text = printed("export", "small.yaml", "-o", "int8.onnx", *options)
    assert "int8 after 'input', calibrated with 16 images" in text
    printed("export", "small.yaml", "-o", "fp32.onnx", "--preprocess", "--layout", "nhwc")
    pixels = np.load("images.npy")
    exact, found = run("fp32.onnx", pixels), run("int8.onnx", pixels)
    assert np.abs(found - exact).mean() < 0.1 * exact.std()


def test_a_file_of_pixels_is_not_calibrated_with_floats():
    np.save("floats.npy", np.zeros((4, 32, 32, 3), np.float32))
    options = ["--precision", "int8", "--calibrate", "floats.npy", "--preprocess"]
    assert refusal("export", "small.yaml", "-o", "int8.onnx", *options) == (
        "E454 'floats.npy' holds float32; wanted: uint8 pixels\n"
    )


def test_the_same_int8_export_is_the_same_bytes():
    first, second = (
        printed("export", "small.yaml", "-o", f"{name}.onnx", *INT8).splitlines()[-1]
        for name in ("a", "b")
    )
    assert first == second


@pytest.mark.parametrize("options", [["--precision", "int8"], ["--calibrate", "images.npy"]])
def test_int8_and_images_go_together(here, options):
    assert refusal("export", "small.yaml", "-o", "a.onnx", *options) == (
        "E427 int8 needs images: '--precision int8 --calibrate PATH'\n"
    )
    assert not (here / "a.onnx").exists()


def test_int8_of_a_keras_model_needs_images_by_either_way():
    for model in ("own.keras", "own.h5"):
        assert refusal("export", model, "-o", "a.onnx", "--precision", "int8") == (
            "E427 int8 needs images: '--precision int8 --calibrate PATH'\n"
        )


def test_where_float_ends_is_about_int8():
    assert refusal("export", "small.yaml", "-o", "a.onnx", "--float-until", "s1") == (
        "E424 '--float-until' is about int8 files\n"
    )


def test_int8_needs_an_opset_that_onnx_runtime_has_it_for():
    assert refusal("export", "small.yaml", "-o", "a.onnx", *INT8, "--opset", "28") == (
        "E424 int8 files are of opset 13 to 27, not 28\n"
    )


def test_the_weights_of_an_int8_file_are_in_it():
    assert refusal("export", "small.yaml", "-o", "a.onnx", *INT8, "--external-data") == (
        "E424 an int8 file has its weights in it\n"
    )


def test_an_image_may_not_be_of_any_size():
    assert refusal("export", "small.yaml", "-o", "a.onnx", "--size", "64x20000") == (
        "E105 images of 64x20000 pixels; wanted: sides of 1 to 16384\n"
    )


# Options


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"opsett": 13}, "there is no option 'opsett'; did you mean 'opset'?"),
        ({"quality": 3}, "there is no option 'quality'"),
        ({"opset": "17"}, "opset is '17'; wanted: a whole number"),
        ({"batch": True}, "batch is True; wanted: a whole number, or 'dynamic'"),
        ({"size": 96.0}, "size is 96.0; wanted: a whole number, height and width, or 'dynamic'"),
        ({"size": (1, 2, 3)}, "size is (1, 2, 3); wanted: a whole number, height and width, or"),
        ({"outputs": "s1"}, "outputs is 's1'; wanted: a list of rows"),
        ({"outputs": [1]}, "outputs is [1]; wanted: a list of rows"),
        ({"scores": "prob"}, "scores is 'prob'; wanted: 'logits' or 'softmax'"),
        ({"via": None}, "via is None; wanted: 'direct' or 'tf2onnx'"),
    ],
)
def test_an_option_that_there_is_not_is_no_silence(here, options, what):
    with pytest.raises(TypeError) as caught:
        archspec.export("small.yaml", "a.onnx", **options)
    assert str(caught.value).startswith(what)
    assert not (here / "a.onnx").exists()


NAMES = "; wanted: letters, digits, _ and ., a letter first\n"


@pytest.mark.parametrize(
    ("outputs", "what"),
    [
        ("a=s1,a=s2", "1:3: E303 two outputs are called 'a'\n    1 | a=s2\n      |   ^^"),
        ("s1,s1", "1:1: E303 two outputs are called 's1'\n    1 | s1\n      | ^^"),
        ("=s1", f"1:2: E303 an output cannot be called ''{NAMES}    1 | =s1\n      |  ^^"),
        ("\udcff=s1", f"1:3: E303 an output cannot be called '\\udcff'{NAMES}"),
        ("stem.conv/kernel=s1", f"1:18: E303 an output cannot be called 'stem.conv/kernel'{NAMES}"),
        ("a b=s1", f"1:5: E303 an output cannot be called 'a b'{NAMES}"),
    ],
)
def test_outputs_have_names_of_their_own(here, outputs, what):
    said = refusal("export", "small.yaml", "-o", "a.onnx", "--outputs", outputs)
    assert said.startswith(f"--outputs:{what}")
    assert not (here / "a.onnx").exists()


def test_an_option_that_is_empty_is_no_silence():
    assert misuse("export", "small.yaml", "-o", "a.onnx", "--outputs", ",") == (
        "Error: Invalid value for '--outputs': ',' is no row."
    )
    assert refusal("export", "small.yaml", "-o", "a.onnx", "--labels", "") == (
        "E482 cannot read '': Is a directory\n"
    )


def test_pixels_need_a_normalization_and_floats_do_not(here):
    options = [*INT8, "--set", "normalization=none"]
    assert refusal("export", "small.yaml", "-o", "a.onnx", *options) == (
        "E418 small does not say how pixels are normalized\n"
        "   as in --set normalization.mean=0.5 --set normalization.std=0.5\n"
    )
    np.save(here / "images.npy", np.load(here / "images.npy").astype(np.float32) / 255)
    assert "calibrated with 16 images" in printed("export", "small.yaml", "-o", "a.onnx", *options)


def test_a_file_is_not_exported_to_itself(here):
    printed("export", "small.yaml", "-o", "a.onnx", "--no-check")
    before = (here / "a.onnx").read_bytes()
    assert refusal("export", "a.onnx", "-o", "./a.onnx") == (
        "E428 './a.onnx' is what is to be exported, and stays\n"
    )
    assert (here / "a.onnx").read_bytes() == before


# For phones


def test_a_file_for_phones_has_one_image_and_nothing_dynamic():
    text = printed("export", "small.yaml", "-o", "a.onnx", "--target", "mobile")
    assert text.splitlines()[2].endswith("at batch 1")
    kinds = {node.op_type for node in onnx.load("a.onnx").graph.node}
    assert not kinds & {"HardSwish", "HardSigmoid"}
    options = ["--target", "mobile", "--batch", "dynamic"]
    assert refusal("export", "small.yaml", "-o", "a.onnx", *options) == (
        "E424 the target 'mobile' has one batch and one size\n   leave out what is dynamic\n"
    )


@pytest.mark.keras
def test_a_litert_file_is_checked_and_carries_its_spec(here):
    text = printed("export", "small.yaml", "-o", "a.tflite").splitlines()
    assert (
        text[0]
        == f"small → a.tflite: LiteRT, fp32, {(here / 'a.tflite').stat().st_size / 1e6:.1f} MB"
    )
    assert text[2].startswith("checked: LiteRT is within ")
    text = printed("export", "small.yaml", "-o", "a.tflite", *INT8).splitlines()
    assert text[0].startswith("small → a.tflite: LiteRT, int8, ")
    assert text[2].startswith("int8 is ")


@pytest.mark.parametrize(
    ("options", "flag"),
    [
        (["--opset", "13"], "--opset"),
        (["--layout", "nhwc"], "--layout"),
        (["--via", "tf2onnx"], "--via"),
        (["--preprocess"], "--preprocess"),
        (["--size", "dynamic"], "--size dynamic"),
        ([*INT8, "--float-until", "s1"], "--float-until"),
    ],
)
def test_options_of_onnx_do_not_go_with_litert(here, options, flag):
    assert refusal("export", "small.yaml", "-o", "a.tflite", *options) == (
        f"E469 a LiteRT file does not go with '{flag}'\n"
    )
    assert not (here / "a.tflite").exists()


# Keras models


@pytest.fixture
def model(here):
    import keras

    image = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu", name="stem")(image)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    net = keras.Model(image, keras.layers.Dense(4, name="scores")(x), name="own")
    net.save(here / "own.keras")
    return net


@pytest.mark.keras
def test_a_keras_file_is_exported_without_a_spec(model):
    options = ["--layout", "nhwc", "--scores", "softmax"]
    text = printed("export", "own.keras", "-o", "own.onnx", *options)
    assert text.splitlines()[0].startswith("own.keras → own.onnx: opset 17, ")
    assert text.splitlines()[1].startswith("checked: ONNX Runtime is within ")
    images = np.random.default_rng(0).normal(size=(3, 32, 32, 3)).astype(np.float32)
    logits = np.asarray(model(images, training=False))
    share = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    assert np.abs(run("own.onnx", images) - share).max() < 1e-5
    said = metadata.read("own.onnx")
    assert said["archspec.title"] == "own"
    assert json.loads(said["archspec.input"]) == {"type": "float32", "layout": "nhwc"}
    assert refusal("show", "own.onnx") == (
        "E481 'own.onnx' has no spec in it\n   archspec export of a spec writes one\n"
    )
    assert refusal("export", "own.keras", "-o", "own.onnx", "--preprocess") == (
        "E418 own does not say how pixels are normalized\n"
        "   put a layer Rescaling in front of the model\n"
    )


@pytest.mark.keras
@pytest.mark.usefixtures("model")
def test_layers_of_a_keras_file_may_be_outputs():
    printed("export", "own.keras", "-o", "own.onnx", "--outputs", "features=norm,scores")
    assert [output.name for output in onnx.load("own.onnx").graph.output] == ["features", "scores"]
    assert refusal("export", "own.keras", "-o", "own.onnx", "--outputs", "nrm") == (
        "--outputs:1:1: E303 there is no 'nrm'\n    1 | nrm\n      | ^^^\n   did you mean 'norm'?\n"
    )


@pytest.mark.keras
@pytest.mark.parametrize("size", [32, None])
def test_a_keras_model_goes_with_images_of_any_size(here, size):
    import keras

    image = keras.Input((size, size, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same", name="conv")(image)
    keras.Model(image, keras.layers.GlobalMaxPooling2D(name="pool")(x)).save(here / "own.keras")
    text = printed("export", "own.keras", "-o", "own.onnx", "--size", "dynamic")
    nominal = size or 224
    assert f"size {nominal}x{nominal} and {nominal + 1}x{nominal + 1} and " in text
    (image,) = onnx.load("own.onnx").graph.input
    assert [side.dim_param for side in image.type.tensor_type.shape.dim[2:]] == ["height", "width"]
    if size is None:
        assert refusal("export", "own.keras", "-o", "own.onnx") == (
            "E446 the model does not say how large its images are\n   say height and width, as in '--size 224'\n"
        )


@pytest.mark.keras
def test_what_cannot_be_lifted_goes_by_way_of_tf2onnx(here):
    import keras

    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2DTranspose(4, 3, name="up")(image)
    keras.Model(image, x, name="own").save(here / "own.keras")
    text = printed("export", "own.keras", "-o", "own.onnx").splitlines()
    assert text[1] == (
        "by way of tf2onnx: layer 'up' is of the class 'Conv2DTranspose', which cannot be lifted"
    )
    assert "of Keras, in standard deviations" in text[2]
    assert refusal("export", "own.keras", "-o", "own.onnx", "--scores", "softmax") == (
        "E426 --scores needs a graph, which there is none of by way of tf2onnx\n"
        "   it goes by way of tf2onnx because layer 'up' is of the class 'Conv2DTranspose', which"
        " cannot be lifted\n"
    )


@pytest.mark.parametrize(
    "options", [["--weights", "random:1"], ["--set", "input=32"], ["--reset", "a"], ["--coverage"]]
)
def test_a_keras_file_has_its_own_weights(options):
    assert misuse("export", "own.keras", "-o", "own.onnx", *options) == (
        "Error: A Keras model file has its own weights, and no rows to set."
    )
    with pytest.raises(archspec.SpecError) as caught:
        archspec.export("own.keras", "own.onnx", weights="random:1")
    assert str(caught.value) == "E425 'own.keras' is a Keras model, which has weights of its own"


def test_a_keras_file_that_is_not_there_is_refused():
    assert refusal("export", "own.keras", "-o", "own.onnx") == (
        "E442 cannot read 'own.keras': No such file or directory\n"
    )


@pytest.mark.keras
def test_a_model_to_deploy_has_no_batch_norm_and_computes_the_same(here):
    import keras

    model = archspec.compile("small.yaml", weights="random:3")
    deployed = archspec.compile("small.yaml", weights="random:3", deploy=True)
    kinds = {type(layer) for layer in deployed.layers}
    assert not kinds & {keras.layers.BatchNormalization, keras.layers.Dropout}
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype(np.float32)
    expected = np.asarray(model(images, training=False))
    assert np.abs(np.asarray(deployed(images)) - expected).max() < 1e-5 * expected.std()
    printed("compile", "small.yaml", "-o", "deployed.keras", "--deploy", "--weights", "random:3")
    loaded = keras.models.load_model(here / "deployed.keras")
    assert np.array_equal(np.asarray(loaded(images)), np.asarray(deployed(images)))
