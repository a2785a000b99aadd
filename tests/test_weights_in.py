"""Weights of other libraries on the way in: `--weights`, `--reset`, `--coverage`, `load_weights`."""

from pathlib import Path

import archspec
import numpy as np
import pytest
from archspec.errors import SpecError
from archspec.weights.random import draw
from archspec.weights.store import write
from safetensors.numpy import save_file
from tests.commands import misuse, printed, refusal
from tests.state_dicts import save_pth, state_dict

SPEC = "mobilenet_v2:0.35:pytorch"
TIMM = "timm:mobilenetv2_035"
TORCHVISION = "torchvision:mobilenet_v2(width_mult=0.35)"
SMALL = ("--set", "input=32")
TEN = (*SMALL, "--set", "classes=10")
CLASSIFIER = ["head.classifier.dense/kernel", "head.classifier.dense/bias"]


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """A folder with state dicts of random arrays, as PyTorch lays them out."""
    folder = tmp_path_factory.mktemp("weights")
    arrays = state_dict(TIMM)
    save_file({**arrays, "bn1.num_batches_tracked": np.array(3)}, folder / "timm.safetensors")
    save_pth(arrays, folder / "timm.pth")
    save_file(state_dict(TORCHVISION), folder / "torchvision.safetensors")
    return folder


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch, files) -> Path:
    """An empty folder to work in, with links to those files."""
    monkeypatch.chdir(tmp_path)
    for path in files.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


def same(one, other) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)


def refused(*given, **options) -> str:
    with pytest.raises(SpecError) as caught:
        archspec.load_weights(*given, **options)
    return str(caught.value)


# From Python


def test_a_file_of_timm_is_read_under_the_names_of_archspec():
    theirs = state_dict(TIMM)
    ours = archspec.load_weights(SPEC, "timm.safetensors")
    assert list(ours) == list(archspec.to_graph(SPEC).weights)
    assert len(ours) == len(theirs) == 262
    kernel = theirs["conv_stem.weight"].transpose(2, 3, 1, 0)
    assert np.array_equal(ours["stem.conv.conv/kernel"], kernel)
    depthwise = theirs["blocks.1.0.conv_dw.weight"]  # (48, 1, 3, 3), here (3, 3, 48, 1)
    assert np.array_equal(ours["s2.1.depthwise.conv/kernel"], depthwise.transpose(2, 3, 0, 1))
    last = theirs["blocks.6.0.conv_pwl.weight"][..., 0, 0]
    assert np.array_equal(ours["s7.1.project.conv/kernel"][0, 0], last.T)
    for array, name in {
        "gamma": "weight",
        "beta": "bias",
        "moving_mean": "running_mean",
        "moving_variance": "running_var",
    }.items():
        assert np.array_equal(ours[f"head.conv.norm/{array}"], theirs[f"bn2.{name}"])
    kernel, bias = (ours[key] for key in CLASSIFIER)
    assert np.array_equal(kernel, theirs["classifier.weight"].T)
    assert np.array_equal(bias, theirs["classifier.bias"])


def test_where_each_array_comes_from_is_known():
    coverage = archspec.load_weights(SPEC, "timm.safetensors").coverage
    assert (coverage.source, coverage.names) == ("timm.safetensors", "timm efficientnet")
    assert sorted(coverage.theirs.values()) == sorted(state_dict(TIMM))
    assert coverage.theirs["s2.1.depthwise.norm/gamma"] == "blocks.1.0.bn2.weight"
    assert coverage.ignored == ("bn1.num_batches_tracked",)
    assert coverage.reset == ()


def test_what_is_written_again_is_archspecs_own_and_the_same():
    ours = archspec.load_weights(SPEC, "timm.safetensors")
    write("own.safetensors", ours)
    again = archspec.load_weights(SPEC, "own.safetensors")
    assert same(again, ours)
    assert again.coverage.names == "archspec"
    assert again.coverage.theirs == {key: key for key in ours}


def test_a_file_of_pytorch_holds_the_same():
    assert same(
        archspec.load_weights(SPEC, "timm.pth"), archspec.load_weights(SPEC, "timm.safetensors")
    )


def test_a_file_of_torchvision_has_other_names():
    theirs = state_dict(TORCHVISION)
    ours = archspec.load_weights(SPEC, "torchvision.safetensors")
    assert ours.coverage.names == "torchvision mobilenet_v2"
    assert ours.coverage.theirs["s2.1.depthwise.norm/gamma"] == "features.2.conv.1.1.weight"
    kernel = theirs["features.0.0.weight"].transpose(2, 3, 1, 0)
    assert np.array_equal(ours["stem.conv.conv/kernel"], kernel)


def test_rows_that_are_reset_are_drawn_as_a_seed_of_0_draws_them():
    ten = archspec.load(SPEC, classes=10)
    ours = archspec.load_weights(ten, "timm.safetensors", reset=["classifier"])
    drawn = draw(archspec.to_graph(ten), 0)
    whole = archspec.load_weights(SPEC, "timm.safetensors")
    assert ours.coverage.reset == tuple(CLASSIFIER)
    assert ours["head.classifier.dense/kernel"].shape == (1280, 10)
    for key, array in ours.items():
        assert np.array_equal(array, (drawn if key in CLASSIFIER else whole)[key]), key


def test_a_row_is_reset_by_its_name_or_its_path_and_though_its_arrays_would_fit():
    whole = archspec.load_weights(SPEC, "timm.safetensors")
    ours = archspec.load_weights(SPEC, "timm.safetensors", reset=["stages.s1", "classifier"])
    differing = {key for key in ours if not np.array_equal(ours[key], whole[key])}
    assert differing == {*CLASSIFIER, *(key for key in ours if key.startswith("s1."))}
    assert set(ours.coverage.theirs) == set(ours) - differing


def test_a_row_that_is_reset_need_not_be_in_the_file(here):
    arrays = {key: array for key, array in state_dict(TIMM).items() if "classifier" not in key}
    save_file(arrays, here / "headless.safetensors")
    assert refused(SPEC, "headless.safetensors") == (
        "E504 'headless.safetensors' lacks 2 of the 262 arrays of mobilenet_v2:"
        " head.classifier.dense/kernel (classifier.weight),"
        " head.classifier.dense/bias (classifier.bias)"
    )
    ours = archspec.load_weights(SPEC, "headless.safetensors", reset=["head.classifier"])
    assert list(ours) == list(archspec.to_graph(SPEC).weights)


@pytest.mark.parametrize(
    ("row", "hint"),
    [("clasifier", "\n   did you mean 'classifier'?"), ("global_pool", ""), ("s1.1", "\n   did you mean 's1'?")],
)  # fmt: skip
def test_a_row_without_weights_is_not_reset(row, hint):
    message = f"E509 no row '{row}' of mobilenet_v2 has weights{hint}"
    assert refused(SPEC, "timm.safetensors", reset=[row]) == message


def test_a_file_of_another_net_is_refused_in_the_names_of_the_file():
    assert refused(archspec.load(SPEC, classes=10), "timm.pth") == (
        "E506 'timm.pth' holds 2 in another shape than mobilenet_v2: classifier.weight is"
        " [1000, 1280] and not [10, 1280], classifier.bias is [1000] and not [10]"
    )
    assert refused("mobilenet_v2:0.5:pytorch", "timm.pth").startswith(
        "E506 'timm.pth' holds 187 in another shape than mobilenet_v2: blocks.1.0.conv_pwl.weight is"
        " [8, 48, 1, 1] and not [16, 48, 1, 1], "
    )
    assert refused("mobilenet_v1:0.25", "timm.pth").startswith("E504 'timm.pth' lacks ")


# On the command line


def test_an_export_says_whose_names_a_file_has():
    lines = printed(
        "export", SPEC, *SMALL, "-o", "a.onnx", "--weights", "timm.safetensors"
    ).splitlines()
    assert lines[1] == (
        "weights: timm.safetensors: 262 arrays, names of timm efficientnet;"
        " 1 left out, which carry nothing"
    )
    write("own.safetensors", archspec.load_weights(SPEC, "timm.pth"))
    own = printed(
        "export", SPEC, *SMALL, "-o", "b.onnx", "--weights", "own.safetensors"
    ).splitlines()
    assert own[1] == "weights: own.safetensors: 262 arrays, names of archspec"
    assert own[-1] == lines[-1]
    assert own[-1].startswith("sha256: ")


def test_a_row_is_reset_for_another_number_of_classes(here):
    given = (SPEC, *TEN, "-o", "a.onnx", "--weights", "timm.pth")
    assert refusal("export", *given).startswith(
        "E506 'timm.pth' holds 2 in another shape than mobilenet_v2: classifier.weight is "
    )
    assert not (here / "a.onnx").exists()
    lines = printed("export", *given, "--reset", "classifier").splitlines()
    assert lines[1] == (
        "weights: timm.pth: 260 arrays, names of timm efficientnet;"
        " drawn anew: head.classifier.dense"
    )
    assert refusal("export", *given, "--reset", "clasifier") == (
        "E509 no row 'clasifier' of mobilenet_v2 has weights\n   did you mean 'classifier'?\n"
    )


def test_what_went_where_is_a_table():
    lines = printed(
        "export", SPEC, *TEN, "-o", "a.onnx", "--no-check", "--weights", "timm.safetensors",
        "--reset", "classifier", "--reset", "stem.conv", "--coverage",
    ).splitlines()  # fmt: skip
    assert lines[1].endswith("drawn anew: stem.conv.conv, stem.conv.norm, head.classifier.dense")
    table = [line.split(maxsplit=2) for line in lines[2:-2]]
    assert table[0] == ["array", "shape", "from"]
    assert table[2] == ["stem.conv.conv/kernel", "3x3x3x16", "drawn anew"]
    assert table[7] == ["s1.1.depthwise.conv/kernel", "3x3x16x1", "blocks.0.0.conv_dw.weight"]
    assert table[-3:] == [
        ["head.classifier.dense/kernel", "1280x10", "drawn anew"],
        ["head.classifier.dense/bias", "10", "drawn anew"],
        ["bn1.num_batches_tracked,", "left", "out"],
    ]
    assert len(table) == 2 + 262 + 1


@pytest.mark.parametrize("weights", [[], ["--weights", "random:3"]])
@pytest.mark.parametrize("option", [["--reset", "classifier"], ["--coverage"]])
@pytest.mark.parametrize("command", ["export", "compile"])
def test_what_is_about_a_file_needs_one(command, option, weights):
    assert misuse(command, SPEC, "-o", "a.onnx", *weights, *option) == (
        "Error: --reset and --coverage are about a file of --weights."
    )


# With Keras


@pytest.mark.keras
def test_a_model_starts_with_what_a_file_has_and_the_initializers_of_what_is_reset():
    ten = archspec.load(SPEC, classes=10)
    model = archspec.compile(ten, weights="timm.safetensors", reset=["classifier"])
    found = archspec.artifacts.arrays(model, archspec.to_graph(ten))
    whole = archspec.load_weights(SPEC, "timm.safetensors")
    kept = {key: array for key, array in whole.items() if key not in CLASSIFIER}
    assert all(np.array_equal(found[key], array) for key, array in kept.items())
    kernel, bias = (found[key] for key in CLASSIFIER)
    assert kernel.shape == (1280, 10)
    assert not bias.any()  # a seed would draw numbers
    assert not np.array_equal(kernel, draw(archspec.to_graph(ten), 0)[CLASSIFIER[0]])


@pytest.mark.keras
def test_a_command_compiles_with_such_a_file(here):
    assert printed(
        "compile", SPEC, *TEN, "-o", "net.safetensors", "--weights", "timm.pth", "--reset", "classifier"
    ).splitlines()[1] == (
        "weights: timm.pth: 260 arrays, names of timm efficientnet;"
        " drawn anew: head.classifier.dense"
    )  # fmt: skip
    ten = archspec.load(SPEC, classes=10)
    found = archspec.load_weights(ten, here / "net.safetensors")
    whole = archspec.load_weights(SPEC, "timm.pth")
    assert all(np.array_equal(found[key], whole[key]) for key in found if key not in CLASSIFIER)
    assert not found["head.classifier.dense/bias"].any()


@pytest.mark.keras
def test_every_kind_of_file_of_keras_applications_is_read():
    keras = pytest.importorskip("keras", exc_type=ImportError)
    theirs = keras.applications.MobileNet(
        alpha=0.25, weights=None, classes=7, classifier_activation=None
    )
    spec = archspec.load("mobilenet_v1:0.25", classes=7)
    drawn = draw(archspec.to_graph(spec), 4)
    write("own.safetensors", drawn)
    _give(theirs, drawn, spec)
    theirs.save("net.keras")
    theirs.save("net.h5")
    theirs.save_weights("net.weights.h5")
    for name in ("net.keras", "net.h5", "net.weights.h5"):
        found = archspec.load_weights(spec, name)
        assert found.coverage.names == "keras mobilenet_v1", name
        assert found.coverage.theirs["s1.1.depthwise.norm/gamma"].startswith("conv_dw_1_bn/")
        assert same(found, drawn), name
    ours = archspec.compile(spec, weights="net.keras")
    images = np.random.default_rng(0).uniform(0, 255, (2, 224, 224, 3)).astype("float32")
    one, other = (np.array(model(images, training=False)) for model in (ours, theirs))
    assert np.abs(one - other).max() < 1e-5 * other.std()


def _give(model, arrays, spec) -> None:
    """The arrays of a spec for a model that has its layers in the same order."""
    keys = iter(archspec.to_graph(spec).weights)
    for layer in model.layers:
        layer.set_weights(
            [arrays[next(keys)].reshape(array.shape) for array in layer.get_weights()]
        )
    assert next(keys, None) is None
