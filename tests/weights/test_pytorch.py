"""Files of torch.save, made with PyTorch 2.13 from the state dict of three small layers."""

import pickle
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from archspec.errors import SpecError
from archspec.ops import BatchNorm, Convolution, Dense, Flatten
from archspec.weights import store
from archspec.weights.foreign.names import Table
from archspec.weights.formats.pytorch import checkpoint
from hypothesis import given
from hypothesis import strategies as st
from tests.parity import chain

FILES = Path(__file__).parent.parent / "data" / "weights"
GRAPH = chain(
    (3, 3, 3), Convolution((3, 3), padding="valid", channels=4), BatchNorm(), Flatten(), Dense(2)
)
NAMES = Table(library="timm", name="test", layers={"n0": "0", "n1": "1", "n3": "2"})


@pytest.fixture(autouse=True)
def _names(monkeypatch):
    monkeypatch.setattr(
        store, "tables", lambda library: {"test": NAMES} if library == "timm" else {}
    )


@pytest.mark.parametrize("name", ["archive.pth", "checkpoint.pth", "before_1_6.pth"])
def test_every_form_of_a_state_dict_is_read(name):
    found = store.read(FILES / name, GRAPH)
    assert list(found) == list(GRAPH.weights)
    # torch.randn(4, 3, 3, 3) of seed 1 begins with these.
    assert np.allclose(found["n0/kernel"][0, :3, 0, 0], [-1.5256, -0.7502, -0.6540], atol=1e-4)
    assert found["n1/moving_variance"].tolist() == [2.0] * 4
    # A transposed view of a larger storage: rows 4 6 8 10 and 5 7 9 11.
    assert found["n3/kernel"].tolist() == [[4.0, 5.0], [6.0, 7.0], [8.0, 9.0], [10.0, 11.0]]
    assert found["n3/bias"].tolist() == [0.25, -0.5]
    assert found.coverage.names == "timm test"
    assert found.coverage.ignored == ("1.num_batches_tracked",)


def refusal(path: Path) -> str:
    with pytest.raises(SpecError) as caught:
        store.read(path, GRAPH)
    return str(caught.value).replace(str(path), path.name)


def test_a_pickled_module_is_refused_before_anything_of_it_is_made():
    assert refusal(FILES / "module.pth") == (
        "E503 'module.pth' is no intact .pth file: it wants to run torch.nn.modules.linear.Linear"
    )


class Evil:
    def __reduce__(self):
        return (print, ("it ran",))


def archive(path: Path, data: object, **members: bytes) -> Path:
    with ZipFile(path, "w") as file:
        file.writestr("net/data.pkl", data if isinstance(data, bytes) else pickle.dumps(data))
        for name, content in members.items():
            file.writestr(f"net/{name}", content)
    return path


def test_what_a_pickle_wants_to_run_does_not_run(tmp_path, capsys):
    for suffix in (".pth", ".pt"):
        path = archive(tmp_path / f"evil{suffix}", {"0.weight": Evil()})
        assert refusal(path) == (
            f"E503 'evil{suffix}' is no intact {suffix} file: it wants to run builtins.print"
        )
    plain = tmp_path / "stream.pth"
    plain.write_bytes(pickle.dumps(Evil()))
    assert "it wants to run builtins.print" in refusal(plain)
    assert not capsys.readouterr().out


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ([1, 2], "it holds no tensors by name"),
        ({"a": 1}, "it holds no tensors by name"),
        ({"state_dict": {"a": 1}}, "it holds no tensors by name"),
    ],
)
def test_what_is_no_state_dict_is_said(tmp_path, data, why):
    path = archive(tmp_path / "net.pth", data)
    assert refusal(path) == f"E503 'net.pth' is no intact .pth file: {why}"


def test_other_files_are_refused(tmp_path):
    path = archive(tmp_path / "a.pth", {})
    with ZipFile(path, "w") as file:
        file.writestr("x", b"")
    assert refusal(path) == "E503 'a.pth' is no intact .pth file: it has no data.pkl"
    big = archive(tmp_path / "big.pth", {}, byteorder=b"big")
    assert refusal(big) == "E503 'big.pth' is no intact .pth file: its numbers are big-endian"
    text = tmp_path / "text.pth"
    text.write_bytes(pickle.dumps(1))
    assert refusal(text) == (
        "E503 'text.pth' is no intact .pth file: it is neither an archive nor a file of PyTorch"
        " before 1.6"
    )


class Persistent(pickle.Pickler):
    def persistent_id(self, obj):
        return obj.pid if isinstance(obj, Storage) else None


class Storage:
    def __init__(self, kind, size):
        self.pid = ("storage", kind, "0", "cpu", size)


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (5, (2,), (1,)),
        (0, (4,), (2,)),
        (-1, (2,), (1,)),
        (0, (2,), (-1,)),
        (0, (2, 2), (1,)),
        ("x", (2,), (1,)),
    ],
)
def test_a_view_beyond_its_storage_is_refused(tmp_path, offset, shape, strides):
    tensor = _pickled("FloatStorage", 6, offset, shape, strides)
    path = archive(tmp_path / "net.pth", tensor, **{"data/0": bytes(24)})
    assert refusal(path) == "E503 'net.pth' is no intact .pth file: a reaches beyond its storage"


def test_a_storage_that_is_cut_short_is_refused(tmp_path):
    tensor = _pickled("FloatStorage", 108, 0, (4, 3, 3, 3), (27, 9, 3, 1))
    path = archive(tmp_path / "net.pth", tensor, **{"data/0": bytes(24)})
    with (
        pytest.raises(ValueError, match="its storage 0 is of another size than it says"),
        checkpoint(path, GRAPH) as found,
    ):
        found["a"].load()


def _pickled(kind, size, offset, shape, strides) -> bytes:
    """A state dict of one tensor, `a`, in the opcodes of a pickle."""
    import io

    from archspec.weights.formats import pytorch

    out = io.BytesIO()

    class Tensor:
        def __reduce__(self):
            return (
                pytorch.KNOWN["torch._utils", "_rebuild_tensor_v2"],
                (Storage(kind, size), offset, shape, strides),
            )

    Persistent(out, protocol=2).dump({"a": Tensor()})
    mine = b"carchspec.weights.formats.pytorch\n_tensor\n"
    data = out.getvalue().replace(mine, b"ctorch._utils\n_rebuild_tensor_v2\n")
    name = kind.encode()
    text = b"X" + len(name).to_bytes(4, "little") + name
    assert text in data
    return data.replace(text, b"ctorch\n" + name + b"\n", 1)


def outcome(path: Path) -> set[str]:
    try:
        store.read(path, GRAPH)
    except SpecError as reason:
        return {item.code for item in reason.diagnostics}
    return {"read"}


@given(st.data())
def test_damaged_files_are_refused_or_read(tmp_path_factory, data):
    name = data.draw(st.sampled_from(["archive.pth", "before_1_6.pth"]))
    content = bytearray((FILES / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("damaged") / "net.pth"
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    assert outcome(path) <= {"E503", "E504", "E505", "E506", "E507", "read"}
