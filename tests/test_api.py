"""The functions of `import archspec`, with right values and wrong ones."""

import dataclasses
import json
import math
from collections import UserDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import archspec
import numpy as np
import pytest
from archspec import api, artifacts, zoo
from archspec.blocks.conv import Conv
from archspec.errors import SpecError
from archspec.ops import Convolution
from archspec.parameters import parameter, ratio
from archspec.source import dump
from archspec.weights.random import draw
from tests import choices

DATA = Path(__file__).parent / "data"
TINY = DATA / "tiny.yaml"


def refusal(call, *arguments, **options) -> str:
    with pytest.raises(SpecError) as caught:
        call(*arguments, **options)
    return str(caught.value)


@dataclass(frozen=True, kw_only=True, slots=True)
class Squeeze:
    """A block of a user: a 1x1 convolution to a share of the channels."""

    share: float = parameter(ratio(1), "of the channels that stay", 0.5)


def unfold(build, x, p):
    width = build.width("share", build.shape(x)[-1], p.share, None, "share")
    return build.add("conv", Convolution((1, 1), channels=width), x)


BLOCKS = {**archspec.BLOCKS, "squeeze": archspec.Block(Squeeze, unfold)}
WITH_SQUEEZE = """\
archspec: 1
name: mine
input: 8
stem:
  - {block: conv, channels: 4, kernel: 3}
  - {block: squeeze, share: 1/4}
"""


@pytest.fixture
def with_squeeze(tmp_path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(WITH_SQUEEZE, encoding="utf-8")
    return path


def test_the_front_door_has_what_it_promises_and_nothing_else():
    for name in archspec.__all__:
        assert getattr(archspec, name).__class__.__name__ != "module"
    with pytest.raises(AttributeError) as caught:
        archspec.nothing  # noqa: B018
    assert str(caught.value) == "module 'archspec' has no attribute 'nothing'"


def test_a_spec_is_loaded_by_name_and_by_path():
    assert archspec.load("mobilenet_v2:1.4").title == "mobilenet_v2:1.4"
    assert archspec.load(TINY).title == archspec.load(str(TINY)).title == "tiny"
    assert archspec.load(Path("efficientnet:b3")).input == (300, 300, 3)


def test_top_level_keys_are_laid_over_a_spec():
    spec = archspec.load("mobilenet_v2", scaling={"width": 0.5}, classes=10, input=(96, 64, 1))
    assert (spec.input, spec.classes) == ((96, 64, 1), 10)
    assert (
        archspec.cost(spec).macs
        == archspec.cost(
            archspec.load("mobilenet_v2:0.5", set={"input": [96, 64, 1], "classes": 10})
        ).macs
    )  # the rounding stays


def test_paths_are_set_as_the_command_line_does():
    spec = archspec.load("mobilenet_v2", set={"stages.s4.kernel": 5, "stages.*.stride": [1] * 7})
    settings = archspec.api.setting("stages.s4.kernel=5"), api.setting("stages.*.stride=1")
    assert archspec.to_graph(spec) == archspec.to_graph(api.load_with("mobilenet_v2", settings))


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (np.int64(96), (96, 96, 3)),
        (np.uint8(96), (96, 96, 3)),
        (np.array([96, 64, 3]), (96, 64, 3)),
        ([np.int32(96), 64, np.int8(1)], (96, 64, 1)),
        ((96, 64, 1), (96, 64, 1)),
    ],
)
def test_numbers_of_numpy_are_numbers(value, kept):
    assert archspec.load("mobilenet_v2", input=value).input == kept


@pytest.mark.parametrize(
    "width", [np.float32(0.5), np.float64(0.5), np.array(0.5), np.float16(0.5)]
)
def test_widths_of_numpy_are_widths(width):
    spec = archspec.load("mobilenet_v2", set={"scaling.width": width})
    assert archspec.to_graph(spec) == archspec.to_graph("mobilenet_v2:0.5")


CYCLE: list[object] = []
CYCLE.append(CYCLE)
DEEP: list[object] = []
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        ({"width": np.float32("nan")}, "{'width': np.float32(nan)}"),
        (np.array([1.0, np.inf]), "array([ 1., inf])"),
        (1j, "1j"),
        (b"1", "b'1'"),
        ({1, 2}, "{1, 2}"),
        (Fraction(1, 3), "Fraction(1, 3)"),
        (UserDict(width=1), "{'width': 1}"),
        (np.datetime64("2026-11-23"), "np.datetime64('2026-11-23')"),
        ({(1, 2): 3}, "{(1, 2): 3}"),
        (CYCLE, "[[[[[[[...]]]]]]]"),
        (DEEP, "[[[[[[[...]]]]]]]"),
    ],
)
def test_a_value_that_yaml_cannot_hold_is_refused(value, shown):
    assert refusal(archspec.load, "mobilenet_v2", scaling=value) == (
        f"E105 'scaling' is {shown}; wanted: what YAML can hold: text, finite numbers, lists,"
        " mappings"
    )


def test_a_long_value_is_shown_in_short():
    text = refusal(archspec.load, "mobilenet_v2", set={"stages.*.stride": [object()] * 10_000})
    assert text.startswith("E105 'stages.*.stride' is [<object objec...")
    assert len(text) < 300


WRONG_VALUES = [
    (
        {"scaling": "wide"},
        """\
scaling:1:1: E105 'scaling' is 'wide'; wanted: a number from 0.001 to 1000 (its width), or a mapping
    1 | "wide"
      | ^^^^^^""",
    ),
    (
        {"klasses": 10},
        """\
klasses:1:1: E104 unknown key 'klasses'
    1 | klasses=10
      | ^^^^^^^
   did you mean 'classes'?""",
    ),
    (
        {"set": {"stages.s4.kernal": 5}},
        """\
stages.s4.kernal:1:1: E104 unknown parameter 'kernal' of block 'inverted_residual'
    1 | stages.s4.kernal=5
      | ^^^^^^^^^^^^^^^^
   did you mean 'kernel'?""",
    ),
    (
        {"source": "x\ud800"},
        """\
source:1:3: E101 character U+D800 is not allowed in YAML
    1 | "x "
      |   ^""",
    ),
    (
        {"classes": 10**32},
        f"""\
classes:1:1: E109 a number has at most 32 characters
    1 | {10**32}
      | {"^" * 33}""",
    ),
]


@pytest.mark.parametrize(("options", "text"), WRONG_VALUES)
def test_a_wrong_value_is_shown_where_it_was_said(options, text):
    assert refusal(archspec.load, "mobilenet_v2", **options) == text


@pytest.mark.parametrize(
    ("reference", "column", "width"),
    [("mobilenet_v2:9", 14, 1), ("mobilenet_v3:small:0.9", 20, 3), ("mobilenet_v2:1.0:", 18, 1)],
)
def test_a_variant_that_is_none_is_shown_in_what_was_asked(reference, column, width):
    for text in (
        refusal(archspec.load, reference),
        str(SpecError(archspec.check(reference))),
    ):
        name = reference.rpartition(":")[2]
        first, second, third, _hint = text.splitlines()
        assert first == f"the call:1:{column}: E202 there is no variant '{name}'"
        assert second == f"    1 | {reference}"
        assert third == f"      | {' ' * (column - 1)}{'^' * width}"


@pytest.mark.parametrize("reference", [None, 42, object()])
def test_a_reference_is_a_text_or_a_path(reference):
    for call in (archspec.load, archspec.check, archspec.cost, archspec.to_graph):
        with pytest.raises(TypeError):
            call(reference)


def test_a_spec_does_not_change_and_is_shown_in_short():
    spec = archspec.load("mobilenet_v2:1.4")
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.classes = 10
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.rows[0].blocks[0].stride = 1
    with pytest.raises(TypeError):
        spec.rows[0] = spec.rows[1]
    spec.document["name"] = "other"  # it is given anew each time
    spec.document["stages"]["rows"].clear()
    assert spec.document["name"] == "mobilenet_v2"
    assert len(spec.document["stages"]["rows"]) == 7
    assert repr(spec) == "<Spec mobilenet_v2:1.4: 224x224x3, 11 rows, 1000 classes>"
    assert repr(archspec.to_graph(spec)) == "<Graph mobilenet_v2: 224x224x3, 152 nodes>"
    assert [row.path for row in spec] == [row.path for row in spec.rows]


@pytest.mark.parametrize("reference", choices.every(zoo.names()))
def test_the_document_of_a_spec_dumped_as_json_is_the_same_spec(reference, tmp_path):
    spec = archspec.load(reference)
    path = tmp_path / "resolved.yaml"
    path.write_text(dump(spec.document), encoding="utf-8")
    again = archspec.load(path)
    assert again.document == spec.document
    assert archspec.to_graph(again) == archspec.to_graph(spec)
    assert (again.equals, again.input, again.outputs) == (spec.equals, spec.input, spec.outputs)


def test_a_document_holds_any_text(tmp_path):
    spec = archspec.load(TINY, source='Ünïcödé 😀: "a" # b\t\x00\x7f\x85\u2028\ufeff\uffff\\')
    path = tmp_path / "resolved.yaml"
    path.write_text(dump(spec.document), encoding="utf-8")
    assert archspec.load(path).source == spec.source


def test_specs_are_loaded_in_many_threads_at_once():
    names = [
        name for name in choices.of("mobilenet_v1") + choices.of("mobilenet_v2") if ":" in name
    ]
    one_by_one = {name: str(archspec.to_graph(name)) for name in names}
    with ThreadPoolExecutor(8) as pool:
        jobs = [(name, pool.submit(archspec.to_graph, name)) for name in names * 4]
        assert all(str(job.result()) == one_by_one[name] for name, job in jobs)


def test_checking_in_many_threads_finds_the_same():
    bad = sorted(map(str, (Path(__file__).parent / "bad").glob("E2*.yaml")))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(archspec.check, bad))
    assert found == [archspec.check(name) for name in bad]


def test_a_block_of_the_user_is_loaded_counted_and_lowered(with_squeeze):
    spec = archspec.load(with_squeeze, blocks=BLOCKS)
    assert archspec.check(with_squeeze, blocks=BLOCKS) == ()
    assert archspec.to_graph(spec, blocks=BLOCKS).nodes[-1].shape == (8, 8, 1)
    assert archspec.cost(with_squeeze, blocks=BLOCKS).rows[-1].params == 4
    derived = api.derivations(spec, blocks=BLOCKS)
    assert [(item.path, item.text) for item in derived] == [("stem.squeeze.share", "4 x 0.25 = 1")]
    branches = json.dumps(archspec.json_schema(blocks=BLOCKS))
    assert "of the channels that stay" in branches
    assert "of the channels that stay" not in json.dumps(archspec.json_schema())


def test_a_block_of_the_user_is_checked_by_its_own_parameters(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(WITH_SQUEEZE.replace("share: 1/4", "share: 2, shar: 1"), encoding="utf-8")
    assert [item.message for item in archspec.check(path, blocks=BLOCKS)] == [
        "'share' is 2; wanted: a number over 0 up to 1, or a fraction such as 1/12",
        "unknown parameter 'shar' of block 'squeeze'",
    ]


def test_a_spec_carries_the_blocks_that_it_was_loaded_with(with_squeeze):
    spec = archspec.load(with_squeeze, blocks=BLOCKS)
    assert str(archspec.to_graph(spec)) == str(archspec.to_graph(with_squeeze, blocks=BLOCKS))
    assert archspec.cost(spec) == archspec.cost(with_squeeze, blocks=BLOCKS)
    assert api.derivations(spec) == api.derivations(with_squeeze, blocks=BLOCKS)


def test_a_block_that_other_blocks_lack_is_asked_for(with_squeeze):
    spec = archspec.load(with_squeeze, blocks=BLOCKS)
    place = f"{with_squeeze}:6:5"
    for call in (archspec.to_graph, archspec.cost, api.derivations):
        text = refusal(call, spec, blocks=archspec.BLOCKS)
        first, _excerpt, _carets, hint = text.splitlines()
        assert first == f"{place}: E112 unknown block 'squeeze'"
        assert hint == "   give the blocks that it was loaded with"
    assert [item.message for item in archspec.check(with_squeeze)] == ["unknown block 'squeeze'"]


def test_the_blocks_at_hand_are_a_mapping():
    assert archspec.BLOCKS["conv"].parameters is Conv
    assert "conv" in archspec.BLOCKS
    assert "nothing" not in archspec.BLOCKS
    assert len(archspec.BLOCKS) == len(list(archspec.BLOCKS)) >= 40


def test_check_finds_what_only_a_variant_has_and_says_which(tmp_path):
    path = tmp_path / "net.yaml"
    text = TINY.read_text(encoding="utf-8").replace("[wide, 2]", "[wide, 2]\n    - [odd, 1.1]")
    path.write_text(text, encoding="utf-8")
    (item,) = {item.notes for item in archspec.check(path)}
    assert list(map(str, item)) == ["in variant 'odd'"]
    assert archspec.check(f"{path}:wide") == ()
    asked = archspec.check(f"{path}:odd")
    assert {item.code for item in asked} == {"E206"}
    assert not any(item.notes for item in asked)


def test_check_ends_where_the_variants_are_too_many(monkeypatch):
    monkeypatch.setattr(
        "archspec.inspection.MAX_NODES", 30
    )  # of the net by itself, or of its variant
    (item,) = archspec.check(TINY)
    assert (item.code, item.message) == (
        "E211",
        "the variants have more than 30 ops in all; others are not checked",
    )


def test_check_says_what_all_variants_have_once():
    (item,) = archspec.check(str(Path(__file__).parent / "bad" / "E302-residual-always.yaml"))
    assert (item.code, item.notes) == ("E302", ())


def test_cost_counts_without_a_framework():
    cost = archspec.cost("mobilenet_v2")
    assert (cost.params, cost.trainable, cost.macs) == (3538984, 3504872, 300774272)


def test_the_schema_is_that_of_a_file():
    schema = archspec.json_schema()
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert json.loads(api.schema_text()) == schema


def test_an_export_takes_arrays_a_path_and_a_seed(tmp_path):
    graph = archspec.to_graph(TINY)
    done = archspec.export(TINY, tmp_path / "a.onnx", weights=draw(graph, 5), check=False)
    again = archspec.export(TINY, str(tmp_path / "b.onnx"), weights="random:5")
    assert done.sha256 == again.sha256
    assert (done.agreement, done.path) == (None, tmp_path / "a.onnx")
    assert again.agreement.difference <= again.agreement.bound
    other = archspec.export(TINY, tmp_path / "c.onnx", weights=DATA / "tiny.keras")
    assert other.sha256 != done.sha256


def test_an_exported_file_holds_its_spec(tmp_path):
    import onnx

    spec = archspec.load(f"{TINY}:wide", input=24, source="é")
    archspec.export(spec, tmp_path / "a.onnx", check=False)
    model = onnx.load(tmp_path / "a.onnx")
    metadata = {item.key: item.value for item in model.metadata_props}
    assert metadata["archspec.title"] == "tiny:wide"
    (tmp_path / "again.yaml").write_text(metadata["archspec.spec"], encoding="utf-8")
    assert archspec.to_graph(tmp_path / "again.yaml") == archspec.to_graph(spec)


@pytest.mark.parametrize("weights", [3, ["a"], None, object()])
def test_weights_of_another_kind_are_refused(tmp_path, weights):
    with pytest.raises(TypeError) as caught:
        archspec.export(TINY, tmp_path / "a.onnx", weights=weights)
    assert str(caught.value).startswith("weights are ")
    assert str(caught.value).endswith(
        "; wanted: a file, random:SEED, arrays by key, or a Keras model"
    )
    assert list(tmp_path.iterdir()) == []


def test_weights_that_do_not_fit_are_refused(tmp_path):
    weights = draw(archspec.to_graph(TINY), 0)
    weights["other/kernel"] = weights.pop("head.classifier.dense/bias")
    assert refusal(archspec.export, TINY, tmp_path / "a.onnx", weights=weights) == (
        "E504 the mapping lacks 1 of the 47 arrays of tiny: head.classifier.dense/bias\n"
        "E505 the mapping holds 1 that tiny does not have: other/kernel"
    )


@pytest.mark.keras
def test_a_model_is_compiled_trained_and_exported(tmp_path):
    model = archspec.compile(f"{TINY}:wide", weights="random:3")
    spec = archspec.load(f"{TINY}:wide")
    drawn = draw(archspec.to_graph(spec), 3)
    kept = artifacts.arrays(model, archspec.to_graph(spec))
    assert {key: array.tolist() for key, array in kept.items()} == {
        key: array.tolist() for key, array in drawn.items()
    }
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(np.ones((4, 16, 16, 3), "float32"), np.array([0, 1, 2, 0]), verbose=0)
    trained = archspec.export(spec, tmp_path / "a.onnx", weights=model)
    assert trained.agreement.difference <= trained.agreement.bound
    fresh = archspec.export(spec, tmp_path / "b.onnx", weights="random:3", check=False)
    assert fresh.sha256 != trained.sha256


@pytest.mark.keras
def test_a_model_of_another_spec_is_refused(tmp_path):
    model = archspec.compile(TINY)
    text = refusal(archspec.export, f"{TINY}:wide", tmp_path / "a.onnx", weights=model)
    assert text.startswith("E506 the model holds ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.keras
def test_a_model_of_a_users_block_is_compiled(with_squeeze):
    spec = archspec.load(with_squeeze, blocks=BLOCKS)
    model = archspec.compile(spec)
    assert [layer.name for layer in model.layers][-1] == "stem.squeeze.conv"
    assert "E112 unknown block 'squeeze'" in refusal(archspec.compile, spec, blocks=archspec.BLOCKS)


@pytest.mark.keras
def test_the_stored_keras_file_is_what_save_writes(tmp_path):
    artifacts.save(TINY, tmp_path / "tiny.keras", "random:7")
    graph = archspec.to_graph(TINY)
    stored = artifacts.arrays(DATA / "tiny.keras", graph)
    saved = artifacts.arrays(tmp_path / "tiny.keras", graph)
    assert all(np.array_equal(stored[key], saved[key]) for key in graph.weights)
