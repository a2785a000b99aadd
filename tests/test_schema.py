"""The check of what a spec says against the words that are known."""

import archspec
import pytest
from archspec.errors import Problems
from archspec.parameters import Document, RowKeys, parameters_of
from archspec.schema import SKELETON, check_body, check_document, check_value
from archspec.source import Entries, parse

CONV = parameters_of(archspec.BLOCKS["conv"].parameters)
MBCONV = parameters_of(archspec.BLOCKS["inverted_residual"].parameters)
CLASSIFIER = parameters_of(archspec.BLOCKS["classifier"].parameters)
RESCALING = parameters_of(archspec.BLOCKS["rescaling"].parameters)


def found(parameter, text: str, name: str = "x") -> list[str]:
    problems = Problems()
    check_value(parameter, parse(text, "t.yaml"), name, problems)
    return [diagnostic.message for diagnostic in problems.diagnostics]


FITTING = [
    (CONV["channels"], ["1", "131072", "8.0", "{from: 8, step: 2}", "{from: 8, to: 9}", "{cycle: [1, 2]}", "~"]),
    (CONV["kernel"], ["1", "255", "1x7", "99x1", "{cycle: [3, 1x7]}"]),
    (MBCONV["kernel"], ["3", "[3, 5]", "[1x3, 3x1, 7]", "{cycle: [[3, 5], 3]}"]),
    (CONV["bias"], ["true", "false", "auto"]),
    (CONV["activation"], ["relu", "gelu_tanh", "none", "{cycle: [relu, none]}"]),
    (CONV["norm"], ["batch", "none", "{type: layer}", "{epsilon: 0.1}", "{}", "{type: {cycle: [batch, layer]}}"]),
    (CONV["l2"], ["0", "1", "4e-5", "{from: 0, upto: 1}"]),
    (MBCONV["expansion"], ["6", "88/24", "{ratio: 1/2, of: 24}", "{of: output}", "{from: 2, to: 6}"]),
    (MBCONV["se"], ["0.25", "1/12", "none", "{of: input, norm: batch, activation: none}"]),
    (MBCONV["residual"], ["auto", "always", "partial", "none"]),
    (MBCONV["expand"], ["3", "{kernel: 3, norm: none, rounding: down}", "{}"]),
    (CLASSIFIER["as"], ["dense", "conv"]),
    (RESCALING["scale"], ["2", "-1", "1/255", "[1, 2, 1/3]"]),
    (parameters_of(RowKeys)["width"], ["scaled", "up", "fixed"]),
    (parameters_of(RowKeys)["rounding"], ["down", "{divisor: 8, keep: 0.9, floor: 16, integer: down}"]),
    (parameters_of(Document)["input"], ["224", "[224, 192, 1]"]),
    (parameters_of(Document)["scaling"], ["0.5", "{width: 0.5, rounding: {channels: {divisor: 8}}}"]),
]  # fmt: skip

MISFITS = [
    (CONV["channels"], ["0", "131073", "8.5", "eight", "true", "[8]", "{}", "{of: 8}", "none", "{from: 8}", "{cycle: []}"]),
    (CONV["kernel"], ["0", "256", "3x", "x3", "100x1", "03x3", "[3, 5]", "3x3x3", "1.5", "{from: 1, to: 3}"]),
    (MBCONV["kernel"], ["[3]", "[]", "[3, 0]", "[3, [5]]"]),
    (CONV["bias"], ["1", "yes", "none", "'true'"]),
    (CONV["activation"], ["Relu", "true", "{function: relu}", "{from: 1, to: 2}", "{cycle: [relu, rleu]}", "{cycle: [~]}"]),
    (CONV["norm"], ["true", "[batch]", "{type: batches}", "{kind: batch}", "{epsilon: -1}", "{type: {}}"]),
    (CONV["l2"], ["-0.1", "1.5", "1/2", "{from: 0}", "{from: 0, to: 1, step: 1}"]),
    (MBCONV["expansion"], ["0", "65", "1/0", "6x", "-1/2", "{ratio: 0}", "{of: hidden}", "none", "[6]"]),
    (MBCONV["expand"], ["none", "{kernel: 0}", "{kernels: 3}"]),
    (CLASSIFIER["as"], ["none", "Dense"]),
    (RESCALING["scale"], ["[]", "[[1]]", "a", "{from: 1, to: 2}"]),
    (parameters_of(RowKeys)["rounding"], ["8", "{divisor: 0}", "{mode: nearest}", "{keep: 2}"]),
    (parameters_of(Document)["input"], ["0", "20000", "[224, 224]", "'224'", "[1, 2, 3, 4]"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("parameter", "text"), [(parameter, text) for parameter, texts in FITTING for text in texts]
)
def test_what_a_parameter_takes(parameter, text):
    assert found(parameter, text) == []


@pytest.mark.parametrize(
    ("parameter", "text"), [(parameter, text) for parameter, texts in MISFITS for text in texts]
)
def test_what_a_parameter_does_not_take(parameter, text):
    assert len(found(parameter, text)) == 1


@pytest.mark.parametrize(
    ("parameter", "text", "message"),
    [
        (CONV["channels"], "eight", "'x' is 'eight'; wanted: a whole number from 1 to 131072"),
        (CONV["l2"], "2", "'x' is 2; wanted: a number from 0 to 1"),
        (CONV["kernel"], "[3, 5]", "'x' is [3, 5]; wanted: a kernel: 3, or a rectangle 1x7"),
        (
            MBCONV["se"],
            "high",
            "'x' is 'high'; wanted: a number over 0 up to 4, or a fraction such as 1/12"
            " (its ratio), or a mapping, or none",
        ),
        (MBCONV["se"], "{gate: hard}", "'x.gate' is 'hard'; wanted: one of "),
        (MBCONV["expand"], "{norm: {epsilon: 2}}", "'x.norm.epsilon' is 2; wanted: a number from 0 to 1"),
        (CONV["norm"], "{tpye: batch}", "unknown field 'tpye' of 'x'"),
        (CONV["channels"], "{from: a, to: b}", "'x' is {\"from\": \"a\", \"to\": \"b\"}; wanted: a ramp"),
        (CONV["stride"], "{cycle: [1, two]}", "'x' is 'two'; wanted: a whole number from 1 to 64"),
        (CONV["stride"], "{cycle: 2}", "'x' is {\"cycle\": 2}; wanted: {cycle: [a, b]}, values in turn"),
        (parameters_of(Document)["input"], "1e9", "'x' is 1000000000; wanted: a size from 1 to 16384"),
    ],
)  # fmt: skip
def test_a_message_names_the_field_and_says_what_is_wanted(parameter, text, message):
    (only,) = found(parameter, text)
    assert only.startswith(message)


def test_true_one_and_one_point_naught_are_three_values():
    assert found(CONV["bias"], "1") != []
    assert found(CONV["bias"], "true") == []
    assert found(CONV["stride"], "true") != []
    assert found(CONV["stride"], "1") == []
    assert found(CONV["stride"], "1.0") == []


def test_all_fields_of_an_object_are_checked():
    assert len(found(CONV["norm"], "{type: batches, epsilon: -1, momentum: 2, kind: 1}")) == 4


def document(text: str) -> tuple[list[str], list[str]]:
    problems = Problems()
    sound = check_document(parse(text, "t.yaml"), problems)
    return [item.message for item in problems.diagnostics], list(sound.entries)


def test_a_document_is_checked_key_by_key_and_the_sound_ones_are_kept():
    assert document("archspec: 1\nname: net\nstem: [{}]\n") == ([], ["archspec", "name", "stem"])
    messages, sound = document("archspec: 1\nnmae: net\ninput: big\nstem: []\nclasses: 10\n")
    assert messages == [
        "the spec has no 'name'",
        "unknown key 'nmae'",
        "'input' is 'big'; wanted: a size from 1 to 16384, or [height, width, channels]",
        "'stem' is []; wanted: a list of rows, or a table with columns and rows",
    ]
    assert sound == ["archspec", "classes"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("outputs: {c4: 5}", "'outputs' has 5; wanted: a mapping from names to rows, such as {c4: s5}"),
        ("outputs: {4c: s5}", "'outputs' has '4c'; wanted: a mapping from names to rows, such as {c4: s5}"),
        ("remove: [stages.s1, 2]", "'remove' has 2; wanted: a list of rows such as stages.s5"),
        ("insert: [{after: a, before: b, rows: [{}]}]", "'insert' has {\"after\": \"a\", \"before\": \"b\", \"rows\": [{}]}; wanted: a list of {after: a row, rows: […]}"),
        ("insert: [{after: a, rows: []}]", "'insert' has []; wanted: a list of {after: a row, rows: […]}"),
        ("equals: {keras: [1]}", "'equals' has [1]; wanted: a mapping such as {keras: MobileNetV2(alpha=1.0)}"),
        ("source: ''", "'source' is ''; wanted: a text: paper and table"),
        ("archspec: '1'", "'archspec' is '1'; wanted: 1, the version of the language"),
        ('name: "net\\n"', "'name' is 'net\\n'; wanted: letters, digits and _, a letter first"),
        (f"name: {'n' * 65}", f"'name' is '{'n' * 58}…; wanted: letters, digits and _, a letter first"),
    ],
)  # fmt: skip
def test_what_is_wrong_inside_a_key_is_shown(text, message):
    problems = Problems()
    tree = parse(text, "t.yaml")
    assert isinstance(tree, Entries)
    check_body(tree, SKELETON, problems)
    (only,) = problems.diagnostics
    assert only.message == message
