"""Whether a spec computes what it says it equals: `archspec verify`, and the verdicts behind it."""

import json
from pathlib import Path

import archspec
import numpy as np
import pytest
from archspec import verdicts
from archspec.errors import SpecError
from archspec.verdicts import Verdict, summary
from numpy.random import PCG64, Generator
from tests.commands import misuse, printed, refusal, run

SPEC = """\
archspec: 1
name: small
input: 8
classes: 3
defaults: {norm: {type: batch, epsilon: 1e-5}, activation: relu}
stem: [{block: conv, channels: 4, kernel: 1}]
head: [{block: global_pool}, {block: classifier}]
"""
TENSORS = {
    "conv_stem.weight": (4, 3, 1, 1),
    "bn1.weight": (4,),
    "bn1.bias": (4,),
    "bn1.running_mean": (4,),
    "bn1.running_var": (4,),
    "classifier.weight": (3, 4),
    "classifier.bias": (3,),
}
PARAMS = 12 + 8 + 15
MACS = 8 * 8 * 12 + 12


def drawn(place: int, name: str) -> np.ndarray:
    """The rule by which anyone can draw the arrays."""
    generator, shape = Generator(PCG64([20261122, place])), TENSORS[name]
    if name.endswith("running_var"):
        values = generator.uniform(0.5, 1.5, shape)
    elif name.endswith(("running_mean", "bias")):
        values = generator.normal(0, 0.1, shape)
    elif len(shape) == 1:
        values = generator.uniform(0.3, 0.9, shape)
    else:
        values = generator.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
    return values.astype("float32").astype("float64")


def computed() -> np.ndarray:
    """What the net makes of the image, by hand."""
    kernel, gamma, beta, mean, variance, dense, bias = (
        drawn(place, name) for place, name in enumerate(TENSORS)
    )
    image = Generator(PCG64(7)).standard_normal((1, 5, 6, 3)).astype("float32")
    values = image[0] @ kernel[..., 0, 0].T
    values = gamma * (values - mean) / np.sqrt(variance + 1e-5) + beta
    return dense @ np.maximum(values, 0).mean((0, 1)) + bias


def vector(**changes: object) -> dict:
    """A vector of the net for an image of 5 x 6 pixels."""
    output = computed()
    return {
        "reference": "timm:small",
        "input": [5, 6, 3],
        "params": PARAMS,
        "tensors": [[name, list(shape)] for name, shape in TENSORS.items()],
        "output": output.tolist(),
        "output_std": output.std(),
        "output_shape": [3],
        **changes,
    }


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    """A folder with a spec that says what it equals, and a vector of that."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(f"{SPEC}equals: {{timm: small}}\n", encoding="utf-8")
    (tmp_path / "silent.yaml").write_text(SPEC, encoding="utf-8")
    write(vector())
    return tmp_path


def write(data: object, name: str = "vector.json") -> None:
    Path(name).write_text(json.dumps(data), encoding="utf-8")


def one(*arguments: str, status: int = 0) -> dict:
    """The one verdict of a command."""
    (record,) = json.loads(run("verify", *arguments, "--format", "json", status=status).stdout)
    return record


SMALL = ("small.yaml", "--vector", "vector.json")


# What is equal, and what is not


def test_a_spec_is_equal_to_a_vector_of_it():
    record = one(*SMALL)
    assert float(record.pop("difference")) < 1e-6
    assert record == {
        "spec": "small.yaml",
        "reference": "timm:small",
        "params": PARAMS,
        "macs": MACS,
        "verdict": "equal",
    }
    assert one("silent.yaml", *SMALL[1:])["verdict"] == "equal"  # what it says does not matter


@pytest.mark.keras
def test_its_keras_model_is_as_well():
    record = one(*SMALL, "--via", "keras")
    assert float(record["difference"]) < 1e-6
    assert record["verdict"] == "equal"


@pytest.mark.parametrize(
    ("by", "shown", "verdict", "status"),
    [(0.9e-4, "9.0e-05", "equal", 0), (1.1e-4, "1.1e-04", "different", 1), (1, "1.0e+00", "different", 1)],
)  # fmt: skip
def test_a_ten_thousandth_of_the_deviation_is_the_most_that_it_may_be(by, shown, verdict, status):
    output = computed()
    output[1] += by * output.std()
    write(vector(output=output.tolist(), output_std=computed().std()))
    record = one(*SMALL, status=status)
    assert (record["difference"], record["verdict"]) == (shown, verdict)


def test_an_output_of_another_shape_is_different():
    write(vector(output_shape=[4]))
    record = one(*SMALL, status=1)
    assert (record["difference"], record["verdict"]) == ("inf", "different")


def test_only_the_values_that_are_known_are_compared():
    write(vector(output=computed()[:2].tolist()))
    assert one(*SMALL)["verdict"] == "equal"


@pytest.mark.parametrize(
    "setting",
    ["defaults.norm.epsilon=1e-2", "defaults.activation=relu6", "stem.conv.activation=none"],
)
def test_what_is_set_is_compared(setting):
    output = computed()
    write(vector(output=output.tolist()))
    expected = "equal" if "relu6" in setting else "different"  # nothing there is larger than 6
    assert one(*SMALL, "--set", setting, status=expected != "equal")["verdict"] == expected


def test_the_image_has_the_size_of_the_vector_and_the_figures_are_of_the_spec():
    record = one(*SMALL, "--set", "input=16")
    assert (record["macs"], record["verdict"]) == (4 * MACS - 3 * 12, "equal")


# What cannot be compared


def test_another_number_of_parameters_is_said():
    write(vector(params=1_000_036))
    record = one(*SMALL, status=1)
    assert record["difference"] == ""
    assert record["verdict"] == "E513 timm:small has 1,000,036 parameters"


def test_arrays_that_are_not_those_of_the_spec_are_said():
    tensors = [[name, list(shape)] for name, shape in TENSORS.items() if name != "bn1.bias"]
    write(vector(tensors=tensors))
    assert one(*SMALL, status=1)["verdict"] == (
        "E504 timm:small lacks 1 of the 7 arrays of small: stem.conv.norm/beta (bn1.bias)"
    )
    write(vector(tensors=[*tensors, ["bn1.bias", [5]]]))
    assert one(*SMALL, status=1)["verdict"] == (
        "E506 timm:small holds 1 in another shape than small: bn1.bias is [5] and not [4]"
    )


def test_an_image_that_is_too_small_is_said():
    (Path("small.yaml")).write_text(SPEC.replace("kernel: 1", "kernel: 7, padding: valid"))
    write(vector())
    assert one(*SMALL, status=1)["verdict"] == (
        "E301 stem.conv.conv: a window of 7 pixels (dilation 1) does not fit 5 pixels with padding"
        " 0 and 0"
    )


def test_a_reference_without_a_vector_is_said():
    record = one("small.yaml", status=1)
    assert record["verdict"] == "E512 there is no vector of 'timm:small'"


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a__b", "x\\0"])
def test_a_reference_names_no_other_file(name):
    text = f'{SPEC}equals: {{timm: "{name}"}}\n'
    Path("small.yaml").write_text(text, encoding="utf-8")
    assert one("small.yaml", status=1)["verdict"].startswith("E512 there is no vector of ")


def test_a_spec_that_equals_nothing_is_no_verdict():
    assert refusal("verify", "silent.yaml") == (
        "E511 small does not say what it equals\n"
        "   as in `equals: {timm: mobilenetv2_100}`, or give --vector FILE\n"
    )


def test_a_spec_that_is_wrong_is_no_verdict():
    assert refusal("verify", "small.yaml", "--set", "klasses=3").startswith(
        "--set klasses:1:1: E104 "
    )
    assert refusal("verify", "nothing", *SMALL[1:]).startswith("E201 there is no spec 'nothing' ")


@pytest.mark.parametrize(
    "data",
    [
        "",
        "{",
        "[]",
        "null",
        "1",
        "{}",
        "[" * 100_000,
        *(json.dumps({key: value for key, value in vector().items() if key != lacking}) for lacking in vector()),
        *(json.dumps(vector(**wrong)) for wrong in (
            {"reference": "tim:small"},
            {"input": [5, 6]},
            {"input": [0, 6, 3]},
            {"input": "566"},
            {"params": "many"},
            {"tensors": {"a": 1}},
            {"tensors": [["conv_stem.weight", [-1]]]},
            {"tensors": [["conv_stem.weight", 4]]},
            {"output": ["a"]},
            {"output": {}},
            {"output_std": 0},
            {"output_std": None},
            {"output_shape": [0]},
        )),
    ],
    ids=range(27),
)  # fmt: skip
def test_a_file_that_is_no_vector_is_refused(data):
    Path("bad.json").write_text(data, encoding="utf-8")
    assert refusal("verify", "small.yaml", "--vector", "bad.json") == (
        "E510 'bad.json' is no conformance vector\n"
        "   a JSON object with reference, input, params, tensors, output, output_std, output_shape\n"
    )


def test_a_file_that_cannot_be_read_is_refused():
    assert refusal("verify", "small.yaml", "--vector", "nothing.json") == (
        "E510 cannot read 'nothing.json': No such file or directory\n"
    )
    assert refusal("verify", "small.yaml", "--vector", ".") == (
        "E510 cannot read '.': Is a directory\n"
    )


# Several at once


def test_every_reference_of_a_spec_has_a_verdict():
    text = printed("verify", "mobilenet_v2:0.35:pytorch")
    lines = [line.split() for line in text.splitlines()]
    assert lines[0] == ["spec", "reference", "params", "macs", "difference", "verdict"]
    spec, figures = "mobilenet_v2:0.35:pytorch", ["1,677,128", "59,285,808"]
    names = ["timm:mobilenetv2_035", "torchvision:mobilenet_v2(width_mult=0.35)"]
    assert [line[:4] for line in lines[2:4]] == [[spec, name, *figures] for name in names]
    assert all(float(line[4]) < 1e-5 for line in lines[2:4])
    assert [line[5:] for line in lines[2:]] == [["equal"], ["equal"], [], []]
    assert lines[5] == ["2", "of", "2", "equal"]


def test_several_vectors_are_compared_though_they_are_of_one_name():
    write(vector(params=36), "other.json")
    result = run("verify", *SMALL, "--vector", "other.json", "--format", "csv", status=1)
    assert [line.rpartition(",")[2] for line in result.stdout.splitlines()] == [
        "verdict",
        "equal",
        "E513 timm:small has 36 parameters",
    ]
    assert run("verify", *SMALL, "--vector", "other.json", status=1).stdout.endswith(
        "\n\n1 of 2 equal\n"
    )


def test_all_of_the_zoo_is_compared_in_processes_of_their_own(monkeypatch):
    pairs = [
        ("squeezenet:1.1", "torchvision:squeezenet1_1"),
        ("mobilenet_v3_rw", "timm:mobilenetv3_rw"),
    ]
    monkeypatch.setattr(verdicts, "named", lambda: iter(pairs))
    monkeypatch.setattr(verdicts, "LARGE", 3_000_000)  # so that the second has one for itself
    records = json.loads(printed("verify", "--all", "--format", "json"))
    assert [(record["reference"], record["verdict"]) for record in records] == [
        ("torchvision:squeezenet1_1", "equal"),
        ("timm:mobilenetv3_rw", "equal"),
    ]


@pytest.mark.keras
def test_keras_applications_is_run_beside_the_spec():
    record = one("mobilenet_v1:0.25")
    assert float(record["difference"]) < 1e-12
    assert (record["reference"], record["params"], record["verdict"]) == (
        "keras:MobileNet(alpha=0.25)",
        archspec.cost("mobilenet_v1:0.25").trainable,
        "equal",
    )


@pytest.mark.keras
def test_of_float64_a_billionth_of_the_deviation_is_the_most_that_it_may_be():
    record = one("mobilenet_v1:0.25", "--set", "defaults.norm.epsilon=1.0001e-3", status=1)
    assert 1e-9 < float(record["difference"]) < 1e-4
    assert record["verdict"] == "different"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["small.yaml", "--all"],
        ["--all", "--vector", "vector.json"],
        ["--all", "--set", "classes=3"],
        ["--all", "--blocks", "mine.py"],
        ["--vector", "vector.json"],
    ],
)
def test_a_spec_or_all_of_them(arguments):
    assert misuse("verify", *arguments) == (
        "Error: Give a SPEC, with --vector if wanted, or --all alone."
    )


# The same from Python


def test_verdicts_are_given_one_by_one():
    (verdict,) = archspec.verify("small.yaml", vectors=["vector.json"])
    assert verdict.holds
    assert verdict == Verdict(
        "small.yaml", "timm:small", PARAMS, MACS, verdict.difference, bound=1e-4
    )
    with pytest.raises(SpecError, match="E511"):
        next(archspec.verify("silent.yaml"))


def verdict(spec: str, reference: str, difference: float | None) -> Verdict:
    return Verdict(spec, reference, 1, 2, difference, 1e-4, "E999 why not" * (difference is None))


@pytest.mark.parametrize(
    ("difference", "holds", "word", "shown"),
    [
        (1e-4, True, "equal", "1.0e-04"),
        (0.0, True, "equal", "0.0e+00"),
        (2e-4, False, "different", "2.0e-04"),
        (float("nan"), False, "different", "nan"),
        (None, False, "E999 why not", ""),
    ],
)
def test_a_verdict_in_a_word(difference, holds, word, shown):
    found = verdict("net", "timm:net", difference)
    assert (found.holds, found.verdict, found.record["difference"]) == (holds, word, shown)


def test_the_summary_counts_the_references_of_each_spec_by_library():
    records = summary(
        [
            verdict("a:1", "timm:a1", 1e-6),
            verdict("a:2", "timm:a2", 3e-6),
            verdict("a:2", "torchvision:a2", 2e-4),
            verdict("a:3", "torchvision:a2", 1e-6),
            verdict("a:3", "torchvision:a3", 5e-4),
            verdict("b", "keras:B", None),
        ]
    )
    assert records == [
        {"spec": "`a`", "timm": "2, 3.0e-06", "torchvision": "1 of 2, 5.0e-04", "keras": ""},
        {"spec": "`b`", "timm": "", "torchvision": "", "keras": "0 of 1, inf"},
    ]


def test_the_summary_is_a_table_in_markdown():
    head, rule, line = printed("verify", "squeezenet:1.1", "--format", "markdown").splitlines()
    assert head == "| spec | timm | torchvision | keras |"
    assert rule == "| --- | --- | --- | --- |"
    assert line.startswith("| `squeezenet` |  | 1, ")
