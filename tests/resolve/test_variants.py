"""Variants, axes, `extends` with variants, and what a spec equals (rules 11 and 14)."""

import archspec
import pytest

BASE = """\
equals: {keras: Net}
scaling: {rounding: {channels: {divisor: 2}}}
stages:
  block: conv
  columns: [channels, kernel]
  rows: [[8, 3], [16, 3]]
variants:
  - wide: {scaling: {width: 2.0}, equals: {keras: WideNet}}
    deep: {change: {stages.s2.repeats: 3}}
    none_of_it: ~
  - columns: [name, stages.*.kernel, input, equals.keras]
    rows:
      - [k5, 5, ~, ~]
      - ["1x7", 1x7, 64, ~]
      - [small, ~, 16, none]
  - twice: {change: {stages.s1.channels: 4}, insert: [{after: stages.s2, rows: [{name: s3, channels: 8, kernel: 1}]}]}
"""


def summary(spec):
    rows = [(row.blocks[0].channels, row.blocks[0].kernel[0], len(row.blocks)) for row in spec]
    return spec.input[0], rows


def test_nothing_is_implied_by_being_first(load):
    spec = load(BASE)
    assert spec.variants == ()
    assert summary(spec) == (32, [(8, (3, 3), 1), (16, (3, 3), 1)])


@pytest.mark.parametrize(
    ("chosen", "result"),
    [
        (["wide"], (32, [(16, (3, 3), 1), (32, (3, 3), 1)])),
        (["deep"], (32, [(8, (3, 3), 1), (16, (3, 3), 3)])),
        (["none_of_it"], (32, [(8, (3, 3), 1), (16, (3, 3), 1)])),
        (["k5"], (32, [(8, (5, 5), 1), (16, (5, 5), 1)])),
        (["1x7"], (64, [(8, (1, 7), 1), (16, (1, 7), 1)])),
        (["small"], (16, [(8, (3, 3), 1), (16, (3, 3), 1)])),
        (["wide", "k5"], (32, [(16, (5, 5), 1), (32, (5, 5), 1)])),
        (
            ["deep", "small", "twice"],
            (16, [(4, (3, 3), 1), (16, (3, 3), 3), (8, (1, 1), 1)]),
        ),
    ],
)
def test_at_most_one_of_each_axis_is_laid_over_the_spec(chosen, result, load):
    assert summary(load(BASE, *chosen)) == result


def test_axes_apply_in_the_order_of_the_file_however_they_are_asked_for(load):
    one, other = load(BASE, "deep", "small", "twice"), load(BASE, "twice", "small", "deep")
    assert one.variants == other.variants == ("deep", "small", "twice")
    assert summary(one) == summary(other)
    assert one.title == "net:deep:small:twice"


def test_a_variant_may_say_what_it_equals_and_arguments_of_it(load):
    assert load(BASE).equals == {"keras": "Net"}
    assert load(BASE, "wide").equals == {"keras": "WideNet"}
    assert load(BASE, "small").equals == {}
    text = BASE.replace("none_of_it: ~", "none_of_it: {equals: {keras: {alpha: 0.5}}}")
    assert load(text, "none_of_it").equals == {"keras": "Net(alpha=0.5)"}
    without = text.replace("equals: {keras: Net}", "")
    assert load(without, "none_of_it").equals == {}  # arguments of nothing


@pytest.mark.parametrize(
    ("chosen", "problem"),
    [
        (["huge"], "E202 there is no variant 'huge'"),
        ([""], "E202 there is no variant ''"),
        (["wide", "deep"], "E202 variants 'wide' and 'deep' exclude each other"),
        (["wide", "wide"], "E202 variants 'wide' and 'wide' exclude each other"),
    ],
)
def test_what_cannot_be_chosen_is_an_error(chosen, problem, refusal):
    assert refusal(BASE, *chosen) == problem


def test_two_axes_do_not_write_one_path(refusal, load):
    text = BASE.replace("twice: {change", "twice: {scaling: {width: 4}, change")
    assert refusal(text, "wide", "twice") == (
        "E203 variants 'wide' and 'twice' both write 'scaling.width'"
    )
    assert load(text, "deep", "twice").variants == ("deep", "twice")


def test_of_the_image_and_of_what_a_net_equals_the_last_axis_decides(load):
    text = """
        stages: [{block: conv, channels: 4, kernel: 1}]
        variants:
          - wide: {input: 64, equals: {keras: WideNet}}
          - "48": {input: 48, equals: {keras: none}}
    """
    assert (load(text, "wide").input, load(text, "wide").equals) == (
        (64, 64, 3),
        {"keras": "WideNet"},
    )
    assert (load(text, "wide", "48").input, load(text, "wide", "48").equals) == ((48, 48, 3), {})


def test_a_column_of_one_axis_and_a_cell_of_another_are_one_path(refusal):
    text = BASE.replace("stages.s1.channels: 4", "stages.s1.kernel: 1")
    assert refusal(text, "k5", "twice") == (
        "E203 variants 'k5' and 'twice' both write 'stages.s1.kernel'"
    )


def test_a_later_axis_may_change_the_table_that_an_earlier_one_brings(load):
    tables = """
        variants:
          - a: {stages: [{block: conv, channels: 8, kernel: 3}]}
            b: {stages: [{block: conv, channels: 16, kernel: 3}]}
          - k5: {change: {stages.*.kernel: 5}}
    """
    assert summary(load(tables, "b", "k5")) == (32, [(16, (5, 5), 1)])
    assert summary(
        load(
            "stages: [{block: conv, channels: 4, kernel: 1}]" + tables.replace("\n        ", "\n"),
            "b",
            "k5",
        )
    ) == (32, [(16, (5, 5), 1)])


def test_a_later_axis_may_not_replace_what_an_earlier_one_changes(refusal):
    text = """
        stages: [{block: conv, channels: 4, kernel: 1}]
        variants:
          - k5: {change: {stages.*.kernel: 5}}
          - b: {stages: [{block: conv, channels: 16, kernel: 3}]}
    """
    assert refusal(text, "k5", "b") == "E203 variants 'k5' and 'b' both write 'stages'"


def test_a_spec_without_stages_must_be_asked_for_a_variant(refusal, load):
    text = """
        variants:
          small: {stages: [{block: conv, channels: 8, kernel: 3}]}
          large: {stages: [{block: conv, channels: 16, kernel: 3}]}
    """
    assert refusal(text) == "E202 the spec has no stages of its own; choose a variant"
    assert summary(load(text, "large")) == (32, [(16, (3, 3), 1)])


def test_check_tries_every_variant_and_says_which_is_wrong(write):
    path = write(
        BASE.replace("width: 2.0", "width: 0.001")
        .replace("[k5, 5, ~, ~]", "[k5, wide, ~, ~]")
        .replace("stages.s1.channels: 4", "stages.s1.channels: four")
    )
    found = [(item.message, [note.message for note in item.notes]) for item in archspec.check(path)]
    assert found == [
        (
            "'kernel' is 'wide'; wanted: a kernel: 3, or a rectangle 1x7",
            ["in variant 'k5'"],
        ),
        (
            "'channels' is 'four'; wanted: a whole number from 1 to 131072",
            ["in variant 'twice'"],
        ),
    ]


def test_check_of_a_variant_leaves_the_others_alone(write):
    path = write(BASE.replace("[k5, 5, ~, ~]", "[k5, wide, ~, ~]"))
    assert archspec.check(f"{path}:wide") == ()
    assert [item.code for item in archspec.check(f"{path}:wide:k5")] == ["E105"]


def test_every_variant_is_checked_beside_each_table(write):
    path = write(
        """
        variants:
          - small: {stages: [{block: conv, channels: 8, kernel: 3}]}
            large: {stages: [{block: depthwise_separable, channels: 8}]}
          - thin: {change: {stages.*.groups: 3}}
        """
    )
    assert [
        (item.code, *(note.message for note in item.notes)) for item in archspec.check(path)
    ] == [
        ("E104", "in variant 'large:thin'"),
        ("E301", "in variant 'small:thin'"),
    ]


def test_a_child_extends_a_variant_and_inherits_no_variants(write):
    write(BASE, "base.yaml")
    child = write(
        'extends: "base.yaml:wide:k5"\nvariants: {tall: {input: [64, 8, 3]}}\n', "child.yaml"
    )
    spec = archspec.load(child)
    assert summary(spec) == (32, [(16, (5, 5), 1), (32, (5, 5), 1)])
    assert archspec.load(f"{child}:tall").input == (64, 8, 3)
    with pytest.raises(archspec.SpecError, match="E202 there is no variant 'deep'"):
        archspec.load(f"{child}:deep")


def test_a_child_equals_nothing_that_its_parent_equals(write):
    write(BASE, "base.yaml")
    assert archspec.load(write("extends: base.yaml\n", "child.yaml")).equals == {}


def test_a_path_of_extends_is_relative_to_the_file_that_says_it(write, tmp_path):
    (tmp_path / "far").mkdir()
    write(BASE, "far/base.yaml")
    write("extends: base.yaml\nchange: {stages.s1.kernel: 5}\n", "far/middle.yaml")
    child = write("extends: far/middle.yaml\nchange: {stages.s2.kernel: 7}\n", "child.yaml")
    assert summary(archspec.load(child)) == (32, [(8, (5, 5), 1), (16, (7, 7), 1)])


def test_a_chain_of_extends_has_an_end(write):
    write(BASE, "net0.yaml")
    for number in range(1, 18):
        path = write(f"extends: net{number - 1}.yaml\n", f"net{number}.yaml")
    with pytest.raises(archspec.SpecError, match="E201 more than 16 specs extend one another"):
        archspec.load(path)


def test_what_is_wrong_in_a_parent_is_shown_beside_what_is_wrong_in_the_child(write):
    write(BASE.replace("block: conv", "block: convv"), "base.yaml")
    child = write("extends: base.yaml\nclasses: many\nchange: {stages.s9: 3}\n", "child.yaml")
    found = [item.message for item in archspec.check(child)]
    assert found == [
        "unknown block 'convv'",
        "'classes' is 'many'; wanted: a whole number from 1 to 1048576",
        "'stages' has no row 's9', and no block in it has such a parameter",
    ]
