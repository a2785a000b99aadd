"""What of a weight file fits a net that is not its own, row by row."""

import archspec
import numpy as np
import pytest
from archspec.weights import draw
from archspec.weights.store import read, read_fitting, write
from safetensors.numpy import save_file
from tests.state_dicts import save_pth, state_dict

SMALL = {"scaling.width": 0.35}


def graph(**settings):
    said = {name.replace("__", "."): value for name, value in settings.items()}
    return archspec.to_graph(archspec.load("mobilenet_v2", set={**SMALL, **said}))


def rows(net, arrays):
    return {net.named[key.rpartition("/")[0]].row for key in arrays}


def test_a_file_of_the_same_net_fits_as_a_whole(tmp_path):
    net = graph()
    write(tmp_path / "net.safetensors", draw(net, 1))
    found = read_fitting(tmp_path / "net.safetensors", net)
    for key, value in read(tmp_path / "net.safetensors", net).items():
        np.testing.assert_array_equal(found[key], value)
    assert found.keys() == net.weights.keys()


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_of_another_library_all_rows_fit_but_the_classifier_of_other_classes(tmp_path, suffix):
    path = tmp_path / f"timm{suffix}"
    {".safetensors": save_file, ".pth": save_pth}[suffix](state_dict("timm:mobilenetv2_035"), path)
    net = graph(classes=3)
    found, whole = read_fitting(path, net), read(path, graph())
    assert rows(net, net.weights) - rows(net, found) == {"head.classifier"}
    for key, value in found.items():
        np.testing.assert_array_equal(value, whole[key])


def test_a_row_fits_as_a_whole_or_not_at_all(tmp_path):
    net = graph()
    arrays = draw(net, 1)
    del arrays["s3.2.expand.norm/gamma"]
    arrays["s4.1.project.conv/kernel"] = np.zeros((1, 1, 2, 2), np.float32)
    arrays["another/kernel"] = np.zeros(3, np.float32)
    write(tmp_path / "net.safetensors", arrays)
    found = read_fitting(tmp_path / "net.safetensors", net)
    assert rows(net, net.weights) - rows(net, found) == {"stages.s3", "stages.s4"}


def test_of_a_file_with_other_names_nothing_fits(tmp_path):
    write(tmp_path / "other.safetensors", {"a/b": np.zeros(3, np.float32)})
    assert read_fitting(tmp_path / "other.safetensors", graph()) == {}


def test_what_does_not_fit_may_be_no_number_but_not_what_does(tmp_path):
    net = graph(classes=3)
    arrays = draw(graph(), 1)
    next(value for key, value in arrays.items() if key.startswith("head.classifier"))[0] = np.nan
    write(tmp_path / "net.safetensors", arrays)
    assert read_fitting(tmp_path / "net.safetensors", net)
    arrays["stem.conv.norm/gamma"][0] = np.nan
    write(tmp_path / "net.safetensors", arrays)
    with pytest.raises(archspec.SpecError) as caught:
        read_fitting(tmp_path / "net.safetensors", net)
    assert str(caught.value).startswith(
        f"E507 '{tmp_path}/net.safetensors' holds what is no finite number in 1 of its "
    )


@pytest.mark.parametrize(
    ("name", "code"), [("nothing.safetensors", "E501"), ("net.txt", "E502"), ("net.pth", "E503")]
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path, name, code):
    if code != "E501":
        (tmp_path / name).write_bytes(b"nothing of the kind")
    with pytest.raises(archspec.SpecError) as caught:
        read_fitting(tmp_path / name, graph())
    assert [item.code for item in caught.value.diagnostics] == [code]
