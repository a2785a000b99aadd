"""What `list`, `show` and `explain` say, compared with what is known of the nets."""

import json

import archspec
import pytest
from archspec import tables, verdicts, views, zoo
from archspec.errors import SpecError


def place(name: str, line: str, text: str) -> str:
    """Where a text stands in a spec of the zoo, in the one line that has `line`."""
    lines = (zoo.folder() / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    (number,) = (number for number, found in enumerate(lines) if line in found)
    return f"zoo/{name}.yaml:{number + 1}:{lines[number].index(text) + 1}"


def lines(reference: str, path: str = "", *, everything: bool = False) -> list[str]:
    """The records of `explain`, each as a line."""
    records = views.explain(archspec.load(reference), path, everything=everything)
    assert all(list(record) == ["path", "value", "said by", "where", "how"] for record in records)
    return [" | ".join(record.values()) for record in records]


def said(reference: str, path: str) -> str:
    (line,) = lines(reference, path)
    return line.partition(" | ")[2]


def refusal(reference: str, path: str) -> str:
    with pytest.raises(SpecError) as caught:
        lines(reference, path)
    return str(caught.value)


def table(spec: str | archspec.Spec) -> tuple[list[dict], dict]:
    loaded = archspec.load(spec) if isinstance(spec, str) else spec
    return views.table(loaded, archspec.cost(loaded))


@pytest.fixture(scope="module")
def catalog() -> list[dict]:
    return list(views.catalog())


def test_the_catalog_has_every_spec_and_every_published_variant(catalog):
    found = [record["spec"] for record in catalog]
    assert list(dict.fromkeys(name.partition(":")[0] for name in found)) == zoo.names()
    assert {spec for spec, _ in verdicts.named()} <= {*found}
    assert "mobilenet_v3" not in found  # it has no stages of its own
    assert "efficientnet" not in found  # b0 is that, and says what it equals
    assert "mobilenet_v2_notebook" in found  # which equals nothing that is published


def test_a_record_of_the_catalog_is_what_loading_the_spec_gives(catalog):
    for record in catalog[::10]:
        spec = archspec.load(record["spec"])
        cost = archspec.cost(spec)
        assert record == {
            "spec": record["spec"],
            "input": spec.input,
            "params": cost.trainable if _counts_as_pytorch(spec) else cost.params,
            "macs": cost.macs,
            "source": spec.source,
            "equals": [f"{library}:{name}" for library, name in spec.equals.items()],
        }


def _counts_as_pytorch(spec: archspec.Spec) -> bool:
    """Keras counts the statistics of batch norm."""
    return bool(spec.equals) and "keras" not in spec.equals


def test_parameters_are_counted_as_the_library_does_that_a_spec_equals(catalog):
    records = {record["spec"]: record for record in catalog}
    assert {name: (records[name]["params"], records[name]["equals"]) for name in (
        "mobilenet_v2:1.4", "mobilenet_v2:1.4:pytorch", "mobilenet_v3_rw", "mobilenet_v2_notebook",
    )} == {
        "mobilenet_v2:1.4": (6_156_712, ["keras:MobileNetV2(alpha=1.4)"]),
        "mobilenet_v2:1.4:pytorch": (
            6_108_776,
            ["timm:mobilenetv2_140", "torchvision:mobilenet_v2(width_mult=1.4)"],
        ),
        "mobilenet_v3_rw": (5_479_918, ["timm:mobilenetv3_rw"]),
        "mobilenet_v2_notebook": (3_560_040, []),
    }  # fmt: skip


def test_the_catalog_may_be_that_of_a_few_specs(catalog):
    names = ["squeezenet", "mobilenet_v1"]
    chosen = [record for record in catalog if record["spec"].partition(":")[0] in names]
    found = list(views.catalog(names))
    assert found == sorted(chosen, key=lambda record: names.index(record["spec"].partition(":")[0]))
    assert [record["spec"] for record in found][:3] == [
        "squeezenet:1.0",
        "squeezenet:1.1",
        "mobilenet_v1",
    ]


def test_the_brief_catalog_names_a_source_once():
    names = ["mobilenet_v1", "mobilenet_v2", "mobilenet_v3"]
    brief = list(views.catalog(names, brief=True))
    sources = [record["source"] for record in brief if record["source"]]
    assert sources == list(dict.fromkeys(record["source"] for record in views.catalog(names)))
    assert len(sources) == 3
    assert not any("equals" in record for record in brief)


def test_the_table_of_mobilenet_v2_has_the_figures_of_the_paper():
    records, total = table("mobilenet_v2")
    assert [tuple(record.values()) for record in records[:3]] == [
        ("stem.conv", "conv", 1, "channels 32, kernel 3, stride 2",
         (224, 224, 3), (112, 112, 32), 992, 10838016, 4 * (224 * 224 * 3 + 112 * 112 * 32), "3", "2"),
        ("stages.s1", "inverted_residual", 1, "channels 16, expansion 1, stride 1",
         (112, 112, 32), (112, 112, 16), 992, 10035200, 4 * 112 * 112 * 64, "7", "2"),
        ("stages.s2", "inverted_residual", 2, "channels 24, expansion 6, stride 2",
         (112, 112, 16), (56, 56, 24), 15024, 54942720, 4 * (112 * 112 + 56 * 56) * 96, "19", "4"),
    ]  # fmt: skip
    assert total == {
        **dict.fromkeys(("block", "repeats", "says", "input", "output", "field", "stride"), ""),
        "row": "mobilenet_v2",
        "params": 3538984,
        "macs": 300774272,
        "memory": 4 * (112 * 112 + 56 * 56) * 96,
    }


def test_a_cost_without_its_spec_is_a_table_too():
    records, total = table("mobilenet_v2")
    found, all_ = views.bare(archspec.cost("mobilenet_v2"))
    said = {"block", "repeats", "says"}
    assert found == [
        {key: value for key, value in record.items() if key not in said} for record in records
    ]
    assert all_ == {key: value for key, value in total.items() if key not in said} | {"row": "all"}


@pytest.mark.parametrize("reference", ["mobilenet_v2_notebook", "efficientnet:b3", "rexnet:1.3"])
def test_the_rows_of_a_table_add_up_and_each_reads_the_one_before(reference):
    spec = archspec.load(reference)
    records, total = table(spec)
    cost = archspec.cost(spec)
    assert sum(record["params"] for record in records) == total["params"] == cost.params
    assert sum(record["macs"] for record in records) == total["macs"] == cost.macs
    shapes = [spec.input, *(record["output"] for record in records)]
    assert [record["input"] for record in records] == shapes[:-1]


def test_a_row_that_no_output_needs_stands_there_and_costs_nothing(tmp_path):
    path = tmp_path / "taps.yaml"
    text = "archspec: 1\nname: taps\nextends: mobilenet_v2\noutputs: {c3: s3.3.expand, c4: s5}\n"
    path.write_text(text, encoding="utf-8")
    spec = archspec.load(path)
    records, total = table(spec)
    assert [record["row"] for record in records] == [row.path for row in spec.rows]
    costs = {record["row"]: (record["output"], record["params"]) for record in records}
    assert costs["stages.s5"] == ((14, 14, 96), 309_888)
    assert [costs[row] for row in ("stages.s6", "head.conv", "head.classifier")] == [((), 0)] * 3
    assert total["params"] == archspec.cost(spec).params == sum(cost for _, cost in costs.values())
    assert tables.render(records, "text", total)


def test_a_row_says_what_its_table_says_too_and_formulas_as_they_are_written():
    assert [record["says"] for record in table("mobilenet_v2_notebook")[0]][:2] == [
        "activation none, channels 32, kernel 3, stride 2",
        "channels 16, expansion 1, stride 1, residual none, depthwise.activation none",
    ]
    small = [record["says"] for record in table("mobilenet_v3:small")[0]]
    assert small[0] == "scale 1/127.5, offset -1"
    assert small[1] == "channels 16, kernel 3, stride 2, width fixed"
    assert small[3] == "activation relu, channels 24, expansion 72/16, kernel 3, stride 2, se none"


def test_a_scaled_width_is_explained_with_its_place_and_its_rounding():
    assert said("mobilenet_v2:1.4", "stages.s3.channels") == (
        f"48 | row | {place('mobilenet_v2', '- [6,  32,', '32')} |"
        " 32 x 1.4 = 44.8 → 48 (half up, divisor 8, keep 0.9)"
    )
    assert said("mobilenet_v2:0.5", "head.conv.channels") == (
        f"1280 | row | {place('mobilenet_v2', 'channels: 1280', '1280')} |"
        " 1280 x 0.5 = 640 → 1280 (half up, divisor 8, keep 0.9), never below what is written"
    )
    assert said("mobilenet_v3:small:0.75", "stem.conv.channels") == (
        f"16 | row | {place('mobilenet_v3', '16, kernel: 3, stride: 2, width: fixed', '16')} | "
    )
    assert said("mobilenet_v2:1.4", "scaling.width").startswith(
        "1.4 | spec | zoo/mobilenet_v2.yaml"
    )


def test_a_scaled_depth_is_explained():
    repeats = lines("efficientnet:b3", "stages.*.repeats")
    assert [line.split(" | ")[1] for line in repeats] == ["2", "3", "3", "5", "5", "6", "2"]
    assert repeats[3] == (
        f"stages.s4.repeats | 5 | row | {place('efficientnet', '- [6, 3,  80, 3, 2]', '3, 2]')}"
        " | 3 x 1.4 = 4.2 → 5 (ceil)"
    )


def test_a_ramp_is_explained_block_by_block():
    found = lines("efficientnet:b3", "stages.*.drop_path")
    values = [float(word) for line in found for word in line.split(" | ")[1].split(", ")]
    assert values == pytest.approx([0.2 * block / 26 for block in range(26)], rel=1e-5)
    assert found[0] == (
        "stages.s1.drop_path | 0, 0.00769231 | defaults |"
        f" {place('efficientnet', 'drop_path:', '{')} | {{from: 0, upto: 0.2}}"
    )


def test_a_ramp_of_channels_is_explained_with_its_first_block():
    assert said("rexnet:1.3", "stages.s4.channels") == (
        f"94, 109, 123 | table | {place('rexnet', 'step: 11.25', '{')} | {{from: 16, step: 11.25}}:"
        " 72.25 x 1.3 = 93.925 → 94 (integer half_even, half up, keep 0.9)"
    )


def test_the_stride_is_that_of_each_block():
    assert said("mobilenet_v2", "stages.s4.stride") == (
        f"2, 1, 1, 1 | row | {place('mobilenet_v2', '- [6,  64, 4, 2]', '2]')} | "
    )


def test_widths_that_a_block_computes_are_explained_last_of_its_row():
    assert lines("mobilenet_v3:small:0.75", "stages.s5")[-5:] == [
        "stages.s5.expand.rounding.keep | 0.9 | defaults |"
        f" {place('mobilenet_v3', '  expand: {', '0.9')} | ",
        "stages.s5.1.expansion | 192 | the block |  | 32 x 6 = 192",
        "stages.s5.1.se.ratio | 48 | the block |  | 192 x 0.25 = 48",
        "stages.s5.2.expansion | 192 | the block |  | 32 x 6 = 192",
        "stages.s5.2.se.ratio | 48 | the block |  | 192 x 0.25 = 48",
    ]
    assert lines("mobilenet_v3:small", "stages.s1.1.se.ratio") == [
        "stages.s1.1.se.ratio | 8 | the block |  | 16 x 0.25 = 4 → 8 (half up, divisor 8, keep 0.9)"
    ]


def test_a_fraction_is_explained_as_it_is_written():
    assert said("mobilenet_v3:small", "stages.s3.expansion.ratio") == (
        f"3.66667 | row | {place('mobilenet_v3', '- [3, 88/24,', '88/24')} | 88/24"
    )


def test_the_nearest_place_wins_and_is_named():
    notebook = "mobilenet_v2_notebook"
    assert said(notebook, "stem.conv.activation") == (
        f"none | row | {place(notebook, 'stem.conv.activation:', 'none')} | "
    )
    assert said(notebook, "stages.s4.depthwise.activation") == (
        f"none | table | {place(notebook, '  depthwise: {', 'none')} | "
    )
    assert said(notebook, "stages.s4.activation") == (
        f"relu6 | defaults | {place('mobilenet_v2', '  activation: relu6', 'relu6')} | "
    )
    assert said(notebook, "stages.s1.residual") == (
        f"none | row | {place(notebook, 'stages.s1.residual:', 'none')} | "
    )
    assert said(notebook, "head.conv.bias") == (
        f"true | defaults | {place(notebook, 'defaults:', 'true')} | "
    )
    assert said(notebook, "stages.s4.norm.momentum") == (
        f"0.999 | defaults | {place('mobilenet_v2', 'momentum: 0.999', '0.999')} | "
    )


def test_what_is_set_from_outside_is_named():
    spec = archspec.api.load_with("mobilenet_v2", [archspec.api.setting("stages.*.kernel=1x5")])
    (record,) = views.explain(spec, "stages.s2.kernel", everything=False)
    assert list(record.values()) == [
        "stages.s2.kernel", "1x5", "row", "--set stages.*.kernel:1:1", "",
    ]  # fmt: skip


def test_what_nobody_says_is_told_when_it_is_asked_for():
    assert lines("mobilenet_v2", "stages.s2.depthwise") == [
        "stages.s2.depthwise.kernel | 3 | as kernel |  | ",
        "stages.s2.depthwise.groups | none | the block's own |  | ",
        "stages.s2.depthwise.group_width | none | the block's own |  | ",
        "stages.s2.depthwise.bias | auto | as bias |  | ",
        (
            "stages.s2.depthwise.norm | {type: batch, epsilon: 0.001, momentum: 0.999, groups: 32,"
            " group_width: none} | as norm |  | "
        ),
        "stages.s2.depthwise.activation | relu6 | as activation |  | ",
        "stages.s2.depthwise.affine | false | as affine |  | ",
        "stages.s2.depthwise.padding | same | as padding |  | ",
        "stages.s2.depthwise.rounding | none | the block's own |  | ",
        "stages.s2.depthwise.init | none | as init |  | ",
        "stages.s2.depthwise.l2 | 0 | as l2 |  | ",
    ]
    brief = lines("mobilenet_v2", "stages.s2")
    assert set(brief) < set(lines("mobilenet_v2", "stages.s2", everything=True))
    assert not [line for line in brief if "the block's own" in line]


def test_a_keyword_of_python_is_a_parameter_like_others():
    assert said("mobilenet_v1", "head.classifier.as") == (
        f"conv | row | {place('mobilenet_v1', 'as: conv', 'conv')} | "
    )


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("stages.*.channels", 7),
        ("*.conv.channels", 2),
        ("scaling", 3),
        ("input", 1),
        ("head.global_pool", 5),
    ],
)
def test_a_path_narrows_by_whole_words(path, count):
    assert len(lines("mobilenet_v2", path)) == count


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("s3", "\n   did you mean 'stages.s3'?"),
        ("s3.channels", "\n   did you mean 'stages.s3.channels'?"),
        ("classifier", "\n   did you mean 'head.classifier'?"),
        ("stages.s3.chanels", "\n   did you mean 'stages.s3.channels'?"),
        ("stages.s", "\n   did you mean 'stages.s7'?"),
        ("qqq", ""),
    ],
)
def test_a_path_to_nothing_is_answered_with_the_cure(path, hint):
    assert refusal("mobilenet_v2", path) == (
        f"E204 nothing is called '{path}' in mobilenet_v2{hint}"
    )


@pytest.mark.parametrize("reference", ["mobilenet_v3:small", "efficientnet:b3", "rexnet:r1.0"])
def test_every_number_of_a_net_has_its_explanation(reference):
    found = lines(reference, everything=True)
    paths = [line.partition(" | ")[0] for line in found]
    assert len(paths) == len(set(paths))
    for row in archspec.load(reference).rows:
        assert {f"{row.path}.{key}" for key in row.settings} <= set(paths)
    origins = {line.split(" | ")[2].partition(" ")[0] for line in found}
    assert origins <= {"row", "table", "defaults", "spec", "the", "as"}


def test_all_records_are_plain_values():
    records, total = table("mobilenet_v3:small")
    explained = views.explain(archspec.load("mobilenet_v3:small"), "", everything=True)
    for style in ("json", "csv", "text"):
        assert tables.render(records, style, total)
        assert tables.render(explained, style)
    assert json.loads(tables.render(records, "json"))[1]["output"] == [112, 112, 16]
