"""Files made to hurt: each is refused soon, in a sentence, and takes little memory."""

import pickle
import struct
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from zipfile import ZIP_DEFLATED, ZipFile

import h5py
import numpy as np
import pytest
from archspec.errors import SpecError
from archspec.ops import Convolution
from archspec.weights import store
from archspec.weights.foreign.names import Table
from archspec.weights.formats.pytorch import MAGIC
from tests.parity import chain

GRAPH = chain((3, 3, 3), Convolution((3, 3), channels=4, bias=True))
NAMES = Table(library="timm", name="test", layers={"n0": "0"})
SECONDS = 20.0


@pytest.fixture(autouse=True)
def _names(monkeypatch):
    monkeypatch.setattr(store, "tables", lambda library: {"test": replace(NAMES, library=library)})


def archive(path: Path, index: bytes, **members: bytes) -> Path:
    with ZipFile(path, "w", ZIP_DEFLATED) as file:
        file.writestr("net/data.pkl", index)
        for name, content in members.items():
            file.writestr(f"net/data/{name}", content)
    return path


def refusal(path: Path) -> str:
    start = perf_counter()
    with pytest.raises(SpecError) as caught:
        store.read(path, GRAPH)
    assert perf_counter() - start < SECONDS
    return str(caught.value).replace(str(path), path.name)


def name(module: str, word: str) -> bytes:
    return f"c{module}\n{word}\n".encode()


def text(word: str) -> bytes:
    return b"X" + struct.pack("<I", len(word)) + word.encode()


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def storage(key: str, size: int, kind: str = "FloatStorage") -> bytes:
    words = text("storage") + name("torch", kind) + text(key) + text("cpu") + number(size)
    return b"(" + words + b"tQ"


def tensor(key: str, size: int, shape, strides, offset: int = 0, kind: str = "FloatStorage"):
    shape, strides = (b"(" + b"".join(map(number, item)) + b"t" for item in (shape, strides))
    view = storage(key, size, kind) + number(offset) + shape + strides
    return name("torch._utils", "_rebuild_tensor_v2") + b"(" + view + b"tR"


def state_dict(**tensors: bytes) -> bytes:
    items = b"".join(text(f"0.{key}") + value for key, value in tensors.items())
    return b"\x80\x02}(" + items + b"u."


KERNEL = {"shape": (4, 3, 3, 3), "strides": (27, 9, 3, 1)}


@pytest.mark.parametrize(
    ("index", "why"),
    [
        # As a key, a tuple in a tuple is hashed by a function that calls itself.
        (b"\x80\x02}" + b")" + b"\x85" * 200_000 + b"Ns.", "a key of a dict is neither text"),
        # 2**40 paths lead through a tuple of the same tuple twice, and so on.
        (
            b"\x80\x02}" + b")" + b"q\x00h\x00\x86" * 40 + b"Ns.",
            "a key of a dict is neither text nor a number",
        ),
        (b"\x80\x02" + b"]" * 200_000 + b"a" * 199_999 + b".", "it holds no tensors by name"),
        (b"\x80\x02]q\x00h\x00a.", "it holds no tensors by name"),
        (b"\x80\x02}q\x00" + text("state_dict") + b"h\x00s.", "it holds no tensors by name"),
        (b"\x80\x02]" + text("a") + b"Ns.", "it sets a key of what is no dict"),
        (b"\x80\x02}Na.", "it appends to what is no list"),
        (b"\x80\x02" + text("print") + b")R.", "it calls what cannot be called"),
        (b"\x80\x04" + b")" + text("a") + b"\x93.", "it names something by what is no text"),
        (b"\x80\x02cbuiltins\neval\n.", "it wants to run builtins.eval"),
        (b"\x80\x02ios\nsystem\n.", "it is more than a state dict: it has the opcode INST"),
        (b"\x80\x02" + b"]" * (5 << 20), "its names and shapes take more than 4 MiB"),
        (state_dict(weight=tensor("0", 4, (4,), (1,), kind="BFloat16Storage")), "are bfloat16"),
        (
            state_dict(weight=tensor("0", -4, (4,), (1,))),
            "it refers to something that is no tensor",
        ),
    ],
)
def test_a_pickle_is_data_or_refused(tmp_path, index, why):
    message = refusal(archive(tmp_path / "net.pth", index))
    assert message.startswith("E503 'net.pth' is no intact .pth file: ")
    assert why in message


@pytest.mark.parametrize("index", [b"", b".", b"\x80\x02", b"\x80\x02h\x07.", b"\x80\x02r\xff."])
def test_what_is_cut_short_is_refused(tmp_path, index):
    assert refusal(archive(tmp_path / "net.pth", index)).startswith("E503 ")


def test_a_reference_far_beyond_the_others_takes_no_memory(tmp_path):
    # Python's own unpickler makes a table of 2**31 references for it.
    index = b"\x80\x02}r\xff\xff\xff\x7f."
    message = refusal(archive(tmp_path / "net.pth", index))
    assert message.endswith("it holds no tensors by name")


def test_a_storage_that_unpacks_to_far_more_than_the_graph_needs_is_refused(tmp_path):
    size = 5 << 20
    index = state_dict(weight=tensor("0", size, **KERNEL), bias=tensor("1", 4, (4,), (1,)))
    path = archive(tmp_path / "net.pth", index, **{"0": bytes(4 * size), "1": bytes(16)})
    assert path.stat().st_size < 1 << 16
    assert refusal(path).endswith("its storages hold far more than chain needs")


def test_a_member_that_unpacks_to_more_than_it_should_is_not_read_on(tmp_path):
    index = state_dict(weight=tensor("0", 108, **KERNEL), bias=tensor("1", 4, (4,), (1,)))
    path = archive(tmp_path / "net.pth", index, **{"0": bytes(1 << 24), "1": bytes(16)})
    assert refusal(path).endswith("its storage 0 is of another size than it says")


def test_tensors_may_share_a_storage_which_is_read_once(tmp_path, monkeypatch):
    numbers = np.arange(112, dtype="f4")
    index = state_dict(
        weight=tensor("0", 112, **KERNEL), bias=tensor("0", 112, (4,), (1,), offset=108)
    )
    path = archive(tmp_path / "net.pth", index, **{"0": numbers.tobytes()})
    opened: list[str] = []
    whole = ZipFile.open
    monkeypatch.setattr(
        ZipFile, "open", lambda self, name, *rest: opened.append(name) or whole(self, name, *rest)
    )
    found = store.read(path, GRAPH)
    assert opened.count("net/data/0") == 1
    assert found["n0/bias"].tolist() == [108, 109, 110, 111]
    assert np.array_equal(
        found["n0/kernel"], numbers[:108].reshape(4, 3, 3, 3).transpose(2, 3, 1, 0)
    )


def test_a_transposed_view_is_read_along_its_strides(tmp_path):
    numbers = np.arange(108, dtype="f4")
    view = {"shape": (4, 3, 3, 3), "strides": (1, 4, 36, 12)}
    index = state_dict(weight=tensor("0", 108, **view), bias=tensor("1", 1, (4,), (0,)))
    path = archive(tmp_path / "net.pth", index, **{"0": numbers.tobytes(), "1": bytes(4)})
    found = store.read(path, GRAPH)
    assert np.array_equal(found["n0/kernel"], numbers.reshape(3, 3, 3, 4))
    assert found["n0/bias"].tolist() == [0, 0, 0, 0]


def test_an_empty_tensor_is_another_shape(tmp_path):
    index = state_dict(
        weight=tensor("0", 0, (0, 3, 3, 3), (27, 9, 3, 1)), bias=tensor("1", 4, (4,), (1,))
    )
    path = archive(tmp_path / "net.pth", index, **{"0": b"", "1": bytes(16)})
    assert refusal(path) == (
        "E506 'net.pth' holds 1 in another shape than chain:"
        " 0.weight is [0, 3, 3, 3] and not [4, 3, 3, 3]"
    )


def test_names_that_are_no_text_are_no_names(tmp_path):
    index = b"\x80\x02}(" + number(0) + tensor("0", 108, **KERNEL) + b"u."
    path = archive(tmp_path / "net.pth", index, **{"0": bytes(432)})
    assert refusal(path).endswith("it holds no tensors by name")


def stream(*storages: bytes, index: bytes, keys: object) -> bytes:
    """A file of PyTorch before 1.6."""
    head = b"".join(pickle.dumps(item, 2) for item in (MAGIC, 1001, {}))
    return head + index + pickle.dumps(keys, 2) + b"".join(storages)


def test_storages_of_any_width_may_lie_before_those_of_the_state_dict(tmp_path):
    step = text("step") + tensor("s", 1, (1,), (1,), kind="LongStorage")
    net = state_dict(weight=tensor("w", 108, **KERNEL), bias=tensor("b", 4, (4,), (1,)))
    index = b"\x80\x02}(" + step + text("model") + net.removeprefix(b"\x80\x02")[:-1] + b"u."
    size = struct.Struct("<q").pack
    data = stream(
        size(1) + struct.pack("<q", 7),
        size(108) + np.arange(108, dtype="f4").tobytes(),
        size(4) + np.ones(4, "f4").tobytes(),
        index=index,
        keys=["s", "w", "b"],
    )
    path = tmp_path / "old.pth"
    path.write_bytes(data)
    found = store.read(path, GRAPH)
    assert found["n0/bias"].tolist() == [1, 1, 1, 1]
    assert found["n0/kernel"][0, 0, 0].tolist() == [0, 27, 54, 81]


@pytest.mark.parametrize("count", [-1, 107, 2**62])
def test_a_storage_of_another_size_than_the_pickle_says_is_refused(tmp_path, count):
    index = state_dict(weight=tensor("w", 108, **KERNEL))
    path = tmp_path / "old.pth"
    path.write_bytes(stream(struct.pack("<q", count) + bytes(432), index=index, keys=["w"]))
    assert refusal(path).endswith("its storage w is of another size than it says")


def test_a_chunk_that_unpacks_to_far_more_than_its_array_is_refused(tmp_path):
    path = tmp_path / "net.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = ["n0"]
        file.create_dataset(
            "n0/kernel:0",
            (3, 3, 3, 4),
            "f4",
            maxshape=(None, 3, 3, 4),
            chunks=(1 << 18, 3, 3, 4),
            compression="gzip",
        )
    assert refusal(path).endswith("n0/kernel lies in pieces far larger than itself")


def test_a_model_within_a_model_is_refused_as_such(tmp_path):
    path = tmp_path / "net.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = ["backbone"]
        file["backbone/conv1/kernel:0"] = np.zeros(3)
        file["backbone/conv2/kernel:0"] = np.zeros(3)
    assert refusal(path).endswith(
        "its layer backbone has two arrays kernel, as a model in a model has"
    )


def test_layers_that_lie_in_another_file_are_not_followed(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file.create_group("model_weights").attrs["layer_names"] = []
    path = tmp_path / "net.h5"
    with h5py.File(path, "w") as file:
        file["model_weights"] = h5py.ExternalLink("other.h5", "/model_weights")
    assert refusal(path).endswith("it does not name its layers")


def test_a_long_name_is_cut_and_one_with_control_characters_is_quoted(tmp_path):
    index = state_dict(
        **{
            "weight": tensor("0", 108, **KERNEL),
            "bias": tensor("1", 4, (4,), (1,)),
            "\x1b[2J": tensor("1", 4, (4,), (1,)),
            "x" * 10_000: tensor("1", 4, (4,), (1,)),
        }
    )
    message = refusal(archive(tmp_path / "net.pth", index))
    assert message.startswith("E505 'net.pth' holds 2 that chain does not have: '0.\\x1b[2J', ")
    assert len(message) < 200
