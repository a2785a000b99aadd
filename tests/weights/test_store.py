import subprocess
import sys
import zipfile
from contextlib import chdir, suppress
from io import BytesIO
from itertools import groupby
from pathlib import Path

import h5py
import numpy as np
import pytest
from archspec.errors import SpecError
from archspec.ops import BatchNorm, Convolution, Dense, Flatten, Standardize
from archspec.weights.random import draw
from archspec.weights.store import read, write
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save
from tests.parity import chain

GRAPH = chain(
    (4, 4, 3),
    Standardize(),
    Convolution((3, 3), channels=4, bias=True),
    Convolution((3, 3), channels=4, groups=4),
    BatchNorm(),
    Flatten(),
    Dense(2),
)
WEIGHTS = draw(GRAPH, 1)
MEMBER = "model.weights.h5"
KINDS = (".safetensors", ".keras", ".weights.h5")


def hdf5(weights=WEIGHTS, *, named=True) -> bytes:
    """What Keras writes: arrays numbered in a group `…/vars` that bears the name of their layer."""
    whole = BytesIO()
    with h5py.File(whole, "w") as file:
        layers = groupby(weights.items(), lambda item: item[0].rpartition("/")[0])
        for place, (layer, arrays) in enumerate(layers):
            group = file.create_group(f"layers/layer_{place}/vars")
            if named:
                group.attrs["name"] = layer
            for number, (_, array) in enumerate(arrays):
                group.create_dataset(str(number), data=array)
        file.create_dataset("optimizer/vars/0", data=np.zeros(3))
    return whole.getvalue()


def archive(member: bytes, name=MEMBER, method=zipfile.ZIP_STORED) -> bytes:
    whole = BytesIO()
    with zipfile.ZipFile(whole, "w", method) as file:
        file.writestr("config.json", "{}")
        file.writestr(name, member)
    return whole.getvalue()


def content(kind: str, weights=WEIGHTS) -> bytes:
    if kind == ".safetensors":
        return save(weights)
    return archive(hdf5(weights)) if kind == ".keras" else hdf5(weights)


def refusal(folder: Path, name: str, data: bytes | None = None) -> str:
    """The message about a file of the current folder."""
    if data is not None:
        (folder / name).write_bytes(data)
    with chdir(folder), pytest.raises(SpecError) as caught:
        read(name, GRAPH)
    return str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_gives_the_arrays_in_the_order_of_the_graph(tmp_path, kind):
    path = tmp_path / f"net{kind}"
    path.write_bytes(content(kind))
    found = read(path, GRAPH)
    assert list(found) == list(GRAPH.weights)
    assert {array.dtype for array in found.values()} == {np.dtype("float32")}
    assert all(np.array_equal(found[key], WEIGHTS[key]) for key in found)


def test_what_is_written_is_read_and_the_same_each_time(tmp_path):
    write(tmp_path / "a.safetensors", WEIGHTS)
    write(tmp_path / "b.safetensors", {key: WEIGHTS[key] for key in reversed(WEIGHTS)})
    data = (tmp_path / "a.safetensors").read_bytes()
    assert data == (tmp_path / "b.safetensors").read_bytes()
    assert data[8:].startswith(b'{"__metadata__":{"format":"archspec"},')
    found = read(tmp_path / "a.safetensors", GRAPH)
    assert all(np.array_equal(found[key], WEIGHTS[key]) for key in WEIGHTS)


def test_an_array_that_lies_otherwise_in_memory_is_written_as_it_reads(tmp_path):
    turned = np.arange(128, dtype="float32").reshape(2, 64).T
    write(tmp_path / "net.safetensors", WEIGHTS | {"n5/kernel": turned})
    assert np.array_equal(read(tmp_path / "net.safetensors", GRAPH)["n5/kernel"], turned)


@pytest.mark.parametrize(
    ("dtype", "read_as"),
    [("float64", "float64"), ("float16", "float32"), (">f4", "float32"), (">f8", "float64")],
)
def test_wide_numbers_stay_wide_and_narrow_ones_are_widened(tmp_path, dtype, read_as):
    arrays = {key: array.astype(dtype) for key, array in WEIGHTS.items()}
    (tmp_path / "net.weights.h5").write_bytes(hdf5(arrays))
    found = read(tmp_path / "net.weights.h5", GRAPH)
    assert {array.dtype for array in found.values()} == {np.dtype(read_as)}
    assert all(np.abs(found[key] - WEIGHTS[key]).max() <= 2e-3 for key in found)


def test_a_compressed_archive_is_read(tmp_path):
    (tmp_path / "net.keras").write_bytes(archive(hdf5(), method=zipfile.ZIP_DEFLATED))
    found = read(tmp_path / "net.keras", GRAPH)
    assert all(np.array_equal(found[key], WEIGHTS[key]) for key in found)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_does_not_fit_is_refused_with_all_that_is_wrong(tmp_path, kind):
    arrays = {key: array for key, array in WEIGHTS.items() if not key.startswith("n3/")}
    arrays |= {"n5/kernel": np.zeros((64, 3)), "n9/kernel": np.zeros(2)}
    surplus = "n9/kernel" if kind == ".safetensors" else "n9/0"
    assert refusal(tmp_path, f"net{kind}", content(kind, arrays)) == (
        f"E504 'net{kind}' lacks 4 of the 12 arrays of chain:"
        " n3/gamma, n3/beta, n3/moving_mean, n3/moving_variance\n"
        f"E505 'net{kind}' holds 1 that chain does not have: {surplus}\n"
        f"E506 'net{kind}' holds 1 in another shape than chain:"
        " n5/kernel is [64, 3] and not [64, 2]"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_a_net_that_diverged_is_refused(tmp_path, kind):
    arrays = WEIGHTS | {"n1/bias": np.array([0, np.nan, 0, 0], "float32")}
    assert refusal(tmp_path, f"net{kind}", content(kind, arrays)) == (
        f"E507 'net{kind}' holds what is no finite number in 1 of its 12 arrays: n1/bias"
    )


def test_a_file_that_is_not_there_or_no_file_is_refused(tmp_path):
    assert (
        refusal(tmp_path, "net.keras") == "E501 cannot read 'net.keras': No such file or directory"
    )
    (tmp_path / "folder.keras").mkdir()
    assert refusal(tmp_path, "folder.keras") == "E501 cannot read 'folder.keras': Is a directory"
    null = "there is a null character in its name"
    assert refusal(tmp_path, "n\0.keras") == f"E501 cannot read 'n\\x00.keras': {null}"


@pytest.mark.parametrize("name", ["net.ckpt", "net.npz", "net", "keras"])
def test_a_file_of_another_kind_is_refused(tmp_path, name):
    assert refusal(tmp_path, name, b"\x80\x04N.") == (
        f"E502 cannot read weights from '{name}'\n"
        "   its name ends in .safetensors, .keras, .weights.h5, .h5, .pth, .pt"
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("data", [b"", b"PK", b"\x89HDF\r\n\x1a\n", b"[" * 100_000, b"\0" * 64])
def test_a_file_of_other_bytes_is_refused(tmp_path, kind, data):
    assert refusal(tmp_path, f"net{kind}", data) == f"E503 'net{kind}' is no intact {kind} file"


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_was_cut_is_refused(tmp_path, kind):
    data = content(kind)
    for part in range(1, 20):
        message = refusal(tmp_path, f"net{kind}", data[: len(data) * part // 20])
        assert message == f"E503 'net{kind}' is no intact {kind} file"


def test_a_damaged_archive_is_refused(tmp_path):
    data = bytearray(archive(hdf5()))
    data[data.index(b"\x89HDF") + 3000] ^= 1
    assert refusal(tmp_path, "net.keras", bytes(data)) == (
        "E503 'net.keras' is no intact .keras file"
    )


@given(st.data())
def test_damage_of_any_kind_is_no_traceback(tmp_path_factory, data):
    # HDF5 is left out: its library does not promise to survive what it is given.
    kind = data.draw(st.sampled_from([".safetensors", ".keras"]))
    damaged = bytearray(content(kind))
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / f"net{kind}"
    path.write_bytes(damaged)
    with suppress(SpecError):
        assert read(path, GRAPH).keys() == WEIGHTS.keys()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (archive(hdf5(), "model.weights.npz"), "it has no model.weights.h5"),
        (
            archive(b"\0" * (20 << 20), method=zipfile.ZIP_DEFLATED),
            "it unpacks to far more than chain needs",
        ),
        (
            archive(hdf5(named=False)),
            "it does not say whose /layers/layer_0/vars/0 is, as old versions of Keras do not",
        ),
    ],
    ids=["no member", "bomb", "no names"],
)
def test_an_archive_that_keras_would_not_write_is_refused(tmp_path, data, why):
    assert refusal(tmp_path, "net.keras", data) == (
        f"E503 'net.keras' is no intact .keras file: {why}"
    )


def test_an_array_is_taken_from_no_other_file(tmp_path):
    (tmp_path / "secret").write_bytes(np.zeros(4, "float32").tobytes())
    (tmp_path / "other.weights.h5").write_bytes(hdf5())
    whole = tmp_path / "net.weights.h5"
    whole.write_bytes(hdf5())
    with h5py.File(whole, "a") as file:
        del file["layers/layer_1/vars/1"]
        file["layers/layer_1/vars"].create_dataset(
            "1", (4,), "float32", external=[(str(tmp_path / "secret"), 0, 16)]
        )
    assert refusal(tmp_path, whole.name) == (
        "E503 'net.weights.h5' is no intact .weights.h5 file:"
        " its array /layers/layer_1/vars/1 lies in another file"
    )
    with h5py.File(whole, "a") as file:
        del file["layers/layer_1/vars/1"]
        file["layers/layer_1/vars/1"] = h5py.ExternalLink(
            "other.weights.h5", "layers/layer_1/vars/1"
        )
    assert (
        refusal(tmp_path, whole.name)
        == "E504 'net.weights.h5' lacks 1 of the 12 arrays of chain: n1/bias"
    )


def test_groups_that_hold_themselves_end(tmp_path):
    whole = tmp_path / "net.weights.h5"
    whole.write_bytes(hdf5())
    with h5py.File(whole, "a") as file:
        file["layers/layer_1/vars/again"] = file["layers"]
    found = read(whole, GRAPH)
    assert all(np.array_equal(found[key], WEIGHTS[key]) for key in WEIGHTS)


def test_two_layers_of_one_name_are_refused(tmp_path):
    twice = WEIGHTS | {"other/0": np.zeros(2)}
    whole = tmp_path / "net.weights.h5"
    whole.write_bytes(hdf5(twice))
    with h5py.File(whole, "a") as file:
        file["layers/layer_5/vars"].attrs["name"] = "n5"
    assert refusal(tmp_path, whole.name) == (
        "E503 'net.weights.h5' is no intact .weights.h5 file: two of its layers are named n5"
    )


def test_arrays_of_no_numbers_are_refused(tmp_path):
    arrays = WEIGHTS | {"n1/bias": np.array([b"a", b"b", b"c", b"d"])}
    assert refusal(tmp_path, "net.weights.h5", hdf5(arrays)) == (
        "E503 'net.weights.h5' is no intact .weights.h5 file: n1/bias is of type |S1"
    )
    arrays = WEIGHTS | {"n1/bias": np.zeros(4, "int64")}
    assert refusal(tmp_path, "net.safetensors", save(arrays)) == (
        "E503 'net.safetensors' is no intact .safetensors file: n1/bias is of type I64"
    )


def test_an_array_that_claims_to_be_huge_is_refused_before_it_is_loaded(tmp_path):
    whole = tmp_path / "net.weights.h5"
    whole.write_bytes(hdf5())
    with h5py.File(whole, "a") as file:
        del file["layers/layer_4/vars/0"]
        file["layers/layer_4/vars"].create_dataset(
            "0", (1 << 30, 1 << 20), "float32", chunks=(1, 64)
        )
    assert refusal(tmp_path, whole.name) == (
        "E506 'net.weights.h5' holds 1 in another shape than chain:"
        " n5/kernel is [1073741824, 1048576] and not [64, 2]"
    )


def test_reading_needs_no_tensorflow(tmp_path):
    (tmp_path / "net.keras").write_bytes(content(".keras"))
    script = """
import sys
from archspec.weights import load
from tests.weights.test_store import GRAPH

print(len(load(sys.argv[1], GRAPH)))
print({"keras", "tensorflow", "onnx"} & {name.partition(".")[0] for name in sys.modules})
"""
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "net.keras"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout == "12\nset()\n"


@pytest.mark.keras
def test_what_keras_saves_is_read(tmp_path):
    backend = pytest.importorskip("archspec.backends.keras", exc_type=ImportError)
    keras = backend.keras
    model = backend.emit(GRAPH, WEIGHTS)
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(np.ones((2, 4, 4, 3), "float32"), np.ones((2, 2)), verbose=0)
    trained = backend.read_weights(model)
    model.save(tmp_path / "net.keras")
    model.save_weights(tmp_path / "net.weights.h5")
    wrapped = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Dropout(0.5), model])
    wrapped.save(tmp_path / "wrapped.keras")
    for name in ("net.keras", "net.weights.h5", "wrapped.keras"):
        found = read(tmp_path / name, GRAPH)
        assert all(np.array_equal(found[key], trained[key]) for key in found), name
