"""What cannot be lifted is refused in one clear sentence for each layer, whatever the file holds."""

import json
from copy import deepcopy
from zipfile import ZipFile

import h5py
import numpy as np
import pytest
from archspec.errors import SpecError
from archspec.lift import lift
from archspec.ops import (
    Blur,
    ChannelConvolution,
    FourierPositions,
    GlobalPool,
    LinearAttention,
    PixelNorm,
    Pool,
    Scale,
    Shuffle,
)
from tests.lift.models import rewrite
from tests.parity import chain

keras = pytest.importorskip("keras", exc_type=ImportError)
pytestmark = pytest.mark.keras
layers = keras.layers


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A model with most of what a config can hold: models in models, operations, several outputs."""
    image = keras.Input((16, 16, 4), name="image")
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv")(image)
    inner = keras.Sequential([layers.BatchNormalization(name="norm"), layers.ReLU()], name="inner")
    x = inner(layers.Add(name="sum")([inner(x), x]))[..., 1:] * 2.0
    x = layers.MaxPooling2D(2, name="pool")(layers.ZeroPadding2D(1, name="pool.pad")(x))
    gate = layers.Dense(3, name="squeeze")(layers.GlobalAveragePooling2D(name="mean")(x))
    x = layers.Multiply()([x, layers.Reshape((1, 1, 3), name="image_again")(gate)])
    scores = layers.Dense(5, name="scores")(layers.Flatten()(x))
    path = tmp_path_factory.mktemp("saved") / "net.keras"
    keras.Model(image, {"scores": scores, "gate": gate}, name="net").save(path)
    return path


@pytest.fixture(scope="module")
def emitted(tmp_path_factory):
    """A model of ops that are several layers each."""
    from archspec.backends.keras import emit

    ops = (
        LinearAttention(2),
        PixelNorm(about="mean"),
        Pool((3, 3), 1, ((1, 1), (0, 1)), type="average"),
        FourierPositions(3),
        Shuffle(2),
        Scale(groups=3, bias=True),
        Blur(),
        GlobalPool(),
        ChannelConvolution(3),
    )
    path = tmp_path_factory.mktemp("emitted") / "net.keras"
    emit(chain((4, 6, 12), *ops)).save(path)
    return path


def refusal(path, *size) -> str:
    with pytest.raises(SpecError) as caught:
        lift(path, *size)
    return str(caught.value)


@pytest.fixture
def refused(tmp_path):
    """What is said of a model that is saved, in a file called net.keras."""

    def refused(model, *size) -> str:
        path = tmp_path / "net.keras"
        model.save(path)
        return refusal(path, *size).replace(repr(str(path)), "'net.keras'")

    return refused


def changed(saved, tmp_path, change) -> str:
    path = tmp_path / "net.keras"
    rewrite(saved, path, change)
    return refusal(path).replace(repr(str(path)), "'net.keras'")


def row(*given):
    return keras.Sequential([keras.Input((8, 8, 4)), *given])


def test_all_layers_that_cannot_be_lifted_are_named_at_once(refused):
    model = row(
        layers.Conv2DTranspose(3, 3, name="up"),
        layers.Conv2D(2, 1),
        layers.Lambda(lambda x: x, name="secret"),
    )
    assert refused(model) == (
        "E443 layer 'up' is of the class 'Conv2DTranspose', which cannot be lifted\n"
        "E443 layer 'secret' is of the class 'Lambda', which cannot be lifted"
    )


def test_no_more_than_ten_layers_are_named(refused):
    model = row(*(layers.Conv2DTranspose(3, 1, name=f"up{place}") for place in range(12)))
    assert refused(model).count("\n") == 9


SETTINGS = {
    "strides is 2 of height and 1 of width": lambda: layers.Conv2D(2, 3, strides=(2, 1), name="it"),
    'activation is "selu"': lambda: layers.Conv2D(2, 3, activation="selu", name="it"),
    'data_format is "channels_first"': lambda: layers.AveragePooling2D(2, data_format="channels_first", name="it"),
    "axis is 1, not that of the channels": lambda: layers.BatchNormalization(axis=1, name="it"),
    "threshold is 1.0": lambda: layers.ReLU(threshold=1.0, name="it"),
    "shared_axes is []: an alpha for each pixel": lambda: layers.PReLU(name="it"),
    "dims is [2, 1, 3]": lambda: layers.Permute((2, 1, 3), name="it"),
    "[8, 8, 4] becomes [4, 16, 4]": lambda: layers.Reshape((4, 16, 4), name="it"),
    "4 channels are no whole number of 8": lambda: layers.Reshape((32, 8), name="it"),
    'interpolation is "bicubic"': lambda: layers.Resizing(4, 4, "bicubic", name="it"),
    "the nearest pixels of 8x8 for 12x8": lambda: layers.Resizing(12, 8, "nearest", name="it"),
    "axis is [1, 2, 3], not that of the channels": lambda: layers.LayerNormalization(axis=[1, 2, 3], name="it"),
    "renorm is true": lambda: layers.BatchNormalization(renorm=True, name="it"),
    "alpha is 2.0": lambda: layers.ELU(2.0, name="it"),
    'it computes in "QuantizedDTypePolicy"': lambda: layers.Dense(4, dtype="int8_from_float32", name="it"),
}  # fmt: skip


@pytest.mark.parametrize("why", SETTINGS)
def test_a_setting_that_cannot_be_said_is_named(why, refused):
    layer = SETTINGS[why]()
    message = f"E444 layer 'it' of the class '{type(layer).__name__}' cannot be lifted: {why}"
    assert refused(row(layer)) == message.replace('"selu"', "'selu'").replace('"', "'")


def test_what_reads_rows_is_nothing_that_takes_them_for_an_image(refused):
    rows = layers.Reshape((64, 4), name="rows")
    for layer in (layers.Dense(2, name="it"), layers.BatchNormalization(name="it")):
        assert refused(row(rows, layer)) == (
            f"E444 layer 'it' of the class '{type(layer).__name__}' cannot be lifted:"
            " it reads rows [64, 4], no image and no vector"
        )


def test_a_setting_that_is_not_known_is_refused(saved, tmp_path):
    def change(config):
        config["config"]["layers"][1]["config"]["spectral"] = 3

    assert changed(saved, tmp_path, change) == (
        "E444 layer 'conv' of the class 'Conv2D' cannot be lifted: spectral is 3"
    )


def swish(x):
    return x * keras.ops.sigmoid(1.7 * x)


def test_a_function_of_the_user_is_not_one_of_keras_by_the_same_name(refused):
    model = row(layers.Conv2D(2, 1, activation=swish, name="it"))
    why = 'activation is {"module": "builtins", "class_name": "function", "config": …'
    assert refused(model) == f"E444 layer 'it' of the class 'Conv2D' cannot be lifted: {why}"


def test_what_a_layer_is_called_with_is_not_forgotten(refused):
    image = keras.Input((8, 8, 4))
    mask = np.array([True, False, True, True])
    model = keras.Model(image, layers.Softmax(name="it")(image, mask=mask))
    assert refused(model) == (
        "E444 layer 'it' of the class 'Softmax' cannot be lifted:"
        " it is called with [true, false, true, true]"
    )


def test_a_maximum_of_a_number_too_is_refused(refused):
    image = keras.Input((8, 8, 4))
    model = keras.Model(image, keras.ops.max(image, axis=(1, 2), initial=0.5))
    assert refused(model).endswith("of the class 'ops.Max' cannot be lifted: initial is 0.5")


def test_arrays_that_do_not_fit_what_a_layer_reads_are_refused(saved, tmp_path):
    def change(config):
        layer = {"module": "keras.src.applications.convnext", "class_name": "LayerScale"}
        config["config"]["layers"][1] |= {**layer, "config": {"projection_dim": 5, "name": "conv"}}

    assert changed(saved, tmp_path, change) == (
        "E444 layer 'conv' of the class 'LayerScale' cannot be lifted: its gamma has 5 numbers, not 4"
    )


def test_an_open_size_is_asked_for(refused):
    model = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(2, 3)])
    assert refused(model) == (
        "E446 the model does not say how large its images are\n   say height and width, as in '--size 224'"
    )


def test_another_size_than_that_of_the_model_is_refused(refused):
    assert refused(row(layers.ReLU()), (9, 8)) == "E446 the model reads images of 8x8, not 9x8"


def test_what_is_no_image_is_refused(refused):
    model = keras.Sequential([keras.Input((12,)), layers.Dense(3)])
    assert refused(model) == "E446 the model reads (?, 12), not images of known channels"


def test_two_inputs_are_refused(refused):
    images = [keras.Input((8, 8, 3)), keras.Input((8, 8, 3))]
    assert refused(keras.Model(images, layers.Add()(images))) == (
        "E444 the model has 2 inputs, not one image"
    )


def test_a_class_of_the_user_is_refused(saved, tmp_path):
    def change(config):
        config.update(module="mine", class_name="Net")

    assert changed(saved, tmp_path, change) == (
        "E443 the model is of the class 'Net', whose code is not in the file\n"
        "   a Functional or Sequential model can be lifted"
    )


def test_a_model_that_reads_itself_is_refused(saved, tmp_path):
    def change(config):
        config["config"]["layers"][1]["inbound_nodes"][0]["args"][0]["config"]["keras_history"] = [
            "sum",
            0,
            0,
        ]

    assert changed(saved, tmp_path, change) == "E447 conv reads itself"


def test_models_that_call_each_other_come_to_an_end(saved, tmp_path):
    """Thirty models, each of which calls the next one twice: 2³⁰ layers."""

    def change(_):
        model = {
            "module": "keras.layers",
            "class_name": "ReLU",
            "config": {"name": "relu"},
            "name": "relu",
        }
        image = {
            "module": "keras.layers",
            "class_name": "InputLayer",
            "name": "image",
            "inbound_nodes": [],
        }
        image["config"] = {"batch_shape": [None, 8, 8, 3], "name": "image"}
        for level in range(30):
            name = model["name"]
            nodes = [{"args": [tensor(source, 0)]} for source in ("image", name)]
            inner = {**model, "inbound_nodes": nodes}
            wanted = {"input_layers": ["image", 0, 0], "output_layers": [name, 1 + (level > 0), 0]}
            body = {"name": f"m{level}", "layers": [image, inner], **wanted}
            model = {
                "module": "keras",
                "class_name": "Functional",
                "config": body,
                "name": f"m{level}",
            }
        return model

    def tensor(name, place):
        return {"class_name": "__keras_tensor__", "config": {"keras_history": [name, place, 0]}}

    assert changed(saved, tmp_path, change) == (
        "E447 the model has more than 100000 layers, or as much as they say"
    )


def test_a_config_that_lies_in_itself_too_deep_is_refused(tmp_path):
    path = tmp_path / "net.keras"
    for depth in (3_000, 300_000):
        with ZipFile(path, "w") as archive:
            archive.writestr("config.json", '{"config":' * depth + "{}" + "}" * depth)
        assert refusal(path)[:4] in {"E442", "E447"}


def test_a_layer_larger_than_a_computer_is_refused(saved, tmp_path):
    def change(config):
        for layer in config["config"]["layers"]:
            if layer["name"] in {"conv", "pool.pad"}:
                layer["config"].update(
                    {"filters": 1 << 24}
                    if layer["name"] == "conv"
                    else {"padding": [[1 << 20, 0], [0, 1 << 20]]}
                )

    assert changed(saved, tmp_path, change) == "E447 pool is larger than a computer"


@pytest.mark.parametrize("text", ["", "nonsense", "[1]", "{}", "1e999", '{"config": 3}'])
def test_a_config_that_is_none_is_refused(text, tmp_path):
    path = tmp_path / "net.keras"
    with ZipFile(path, "w") as archive:
        archive.writestr("config.json", text)
    assert refusal(path).startswith(("E442", "E443"))


def test_a_file_that_is_none_is_refused(tmp_path):
    path = tmp_path / "net.keras"
    assert refusal(path) == f"E442 cannot read {str(path)!r}: No such file or directory"
    path.write_bytes(b"PK nothing")
    assert refusal(path) == f"E442 {str(path)!r} is no intact Keras 3 archive"
    with ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", "{}")
    assert (
        refusal(path) == f"E442 {str(path)!r} is no intact Keras 3 archive: it has no config.json"
    )


def test_arrays_that_are_missing_or_of_another_shape_are_named(saved, tmp_path):
    path, arrays = tmp_path / "net.keras", tmp_path / "arrays.h5"
    with ZipFile(saved) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    arrays.write_bytes(members["model.weights.h5"])
    with h5py.File(arrays, "a") as file:
        del file["layers/conv2d/vars/1"]
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = np.zeros((2, 3), np.float32)
    with ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, arrays.read_bytes() if name.endswith("h5") else data)
    assert refusal(path) == (
        f"E445 {str(path)!r} lacks 2 of the 14 arrays that its own config asks for: conv/bias is not"
        " there, squeeze/kernel is [2, 3] and not [3, 3]"
    )


def places(value, path=()):
    yield path
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, item in items:
        yield from places(item, (*path, key))


VALUES = (
    None, True, 0, 1, -1, 3, 10**30, 0.5, float("nan"), "", "same", "linear", "input", "x" * 999,
    [], {}, [1, 2, 3], [[]], ["conv", 0, 0], {"class_name": "__numpy__", "config": {"value": [1, 2]}},
    {"class_name": "__keras_tensor__", "config": {"keras_history": ["conv", 0, 0]}},
)  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("model", ["saved", "emitted"])
def test_any_config_is_lifted_or_refused(model, seed, request, tmp_path):
    chance, source = np.random.default_rng(seed), request.getfixturevalue(model)
    with ZipFile(source) as archive:
        whole = json.loads(archive.read("config.json"))
    known = [path for path in places(whole) if path]
    for _ in range(40):
        config = deepcopy(whole)
        for place in chance.integers(len(known), size=chance.choice((1, 1, 2, 4))):
            *path, last = known[place]
            holder = config
            try:
                for key in path:
                    holder = holder[key]
                holder[last] = deepcopy(VALUES[chance.integers(len(VALUES))])
            except (LookupError, TypeError):
                continue  # another change took it away
        rewrite(source, tmp_path / "net.keras", lambda _, config=config: config)
        survive(tmp_path / "net.keras")


@pytest.mark.parametrize("seed", range(4))
def test_any_bytes_are_lifted_or_refused(seed, saved, tmp_path):
    chance, data = np.random.default_rng(seed), saved.read_bytes()
    for _ in range(40):
        broken = bytearray(data)
        for place in chance.integers(len(data), size=chance.choice((1, 5, 50))):
            broken[place] = chance.integers(256)
        path = tmp_path / "net.keras"
        path.write_bytes(broken[: chance.choice((len(broken), chance.integers(len(broken))))])
        survive(path)


def survive(path) -> None:
    try:
        found = lift(path)
    except SpecError:
        return
    assert found.weights.keys() == found.graph.weights.keys()
