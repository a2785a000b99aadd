"""Where a value is looked for: row, table for this block, table, defaults for this block, defaults.

Rules 2 to 5 of the language: `~` and `none`, the look-up, parts, short objects.
"""

import pytest
from archspec.parameters import Expansion, Norm, SqueezeExcite
from archspec.scaling import Rounding
from tests.meaning import of_spec


def first(spec, row="s1"):
    """The parameters of the first block of a row."""
    return next(item for item in spec if item.name == row).blocks[0]


LEVELS = """
    defaults: {{activation: relu, inverted_residual: {{{defaults_for}}}, {defaults}}}
    stages:
      inverted_residual: {{{table_for}}}
      {table}
      rows:
        - {{block: inverted_residual, channels: 8, expansion: 6, {row}}}
        - {{block: conv, channels: 8, kernel: 1}}
"""
SAID = {
    "row": "padding: valid",
    "table_for": "padding: even",
    "table": "padding: symmetric",
    "defaults_for": "padding: same",
    "defaults": "padding: symmetric",
}
ORDER = ["row", "table_for", "table", "defaults_for", "defaults"]


@pytest.mark.parametrize("nearest", range(5))
def test_the_nearest_level_wins(nearest, load):
    said = {level: SAID[level] if ORDER.index(level) >= nearest else "" for level in SAID}
    spec = load(LEVELS.format(**said))
    assert first(spec).padding == SAID[ORDER[nearest]].removeprefix("padding: ")
    origins = ["row", "table for inverted_residual", "table", "defaults for inverted_residual"]
    assert spec.rows[0].settings["padding"].origin == [*origins, "defaults"][nearest]


def test_what_is_said_for_one_block_is_not_said_for_another(load):
    spec = load(LEVELS.format(**dict.fromkeys(SAID, "")).replace("{}", "{padding: valid}"))
    assert first(spec).padding == "valid"
    assert first(spec, "s2").padding == "same"


def test_a_value_that_nobody_says_is_the_blocks_own(load):
    spec = load("stages: [{block: inverted_residual, channels: 8, expansion: 6}]")
    assert first(spec).padding == "same"
    assert spec.rows[0].settings["padding"].origin == "the block's own"
    assert spec.rows[0].settings["padding"].span is None


def test_a_tilde_says_nothing(load):
    spec = load(
        """
        defaults: {activation: relu, norm: batch}
        stages:
          block: conv
          kernel: 5
          columns: [channels, kernel, activation, norm]
          rows:
            - [8, ~, ~, ~]
            - {channels: 8, kernel: ~, activation: ~, norm: ~, block: ~, name: ~, inputs: ~}
            - [8, 3, relu6, none]
        """
    )
    for row in ("s1", "s2"):
        block = first(spec, row)
        assert (block.kernel, block.activation, block.norm) == (
            ((5, 5),),
            "relu",
            Norm(type="batch"),
        )
    assert (first(spec, "s3").kernel, first(spec, "s3").norm) == (((3, 3),), None)


def test_none_turns_off_what_is_said_further_out(load):
    spec = load(
        """
        defaults: {activation: relu, norm: batch, inverted_residual: {se: 0.25}}
        stages:
          block: inverted_residual
          expansion: 6
          columns: [channels, se, activation, norm, residual]
          rows:
            - [8, ~, ~, ~, ~]
            - [8, none, none, none, none]
        """
    )
    on, off = first(spec), first(spec, "s2")
    assert (on.se.ratio, on.activation, on.norm.type, on.residual) == (
        0.25,
        "relu",
        "batch",
        "auto",
    )
    assert (off.se, off.activation, off.norm, off.residual) == (None, None, None, None)


def test_none_stops_the_search_for_everything_under_it(load):
    spec = load(
        """
        defaults: {se: {ratio: 0.25, of: input}}
        stages:
          block: inverted_residual
          expansion: 6
          se: none
          rows:
            - {channels: 8}
            - {channels: 8, se: {gate: relu}}
            - {channels: 8, se: {ratio: 0.5}}
        """
    )
    assert first(spec).se is None
    # The row configures, but what would switch it on lies beyond the `none`.
    assert first(spec, "s2").se is None
    assert first(spec, "s3").se == SqueezeExcite(ratio=0.5, of="hidden")


def test_each_path_is_looked_up_by_itself(load):
    spec = load(
        """
        defaults:
          se: {of: input, gate: hard_sigmoid, rounding: down}
          norm: {type: batch, epsilon: 1e-5}
        stages:
          block: inverted_residual
          expansion: 6
          norm: {momentum: 0.9}
          columns: [channels, se, norm.epsilon]
          rows:
            - [8, 0.25, ~]
            - [8, ~, 0.1]
        """
    )
    assert first(spec).se == SqueezeExcite(
        ratio=0.25, of="input", gate="hard_sigmoid", rounding=Rounding(mode="down")
    )
    assert first(spec).norm == Norm(type="batch", epsilon=1e-5, momentum=0.9)
    assert first(spec, "s2").norm == Norm(type="batch", epsilon=0.1, momentum=0.9)


def test_an_object_without_its_leading_field_configures_and_does_not_switch_on(load):
    spec = load(
        """
        defaults: {se: {of: input}, norm: {epsilon: 1e-5}}
        stages: [{block: inverted_residual, channels: 8, expansion: 6}]
        """
    )
    assert first(spec).se is None
    assert first(spec).norm is None


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("se: 0.25", "se: {ratio: 0.25}"),
        ("se: 1/4", "se.ratio: 0.25"),
        ("norm: batch", "norm: {type: batch}"),
        ("rounding: down", "rounding: {mode: down}"),
        ("expand: 3", "expand: {kernel: 3}"),
        ("depthwise: 5", "depthwise.kernel: 5"),
        ("init: normal", "init: {distribution: normal}"),
    ],
)
def test_a_scalar_stands_for_the_leading_field(short, full, load):
    text = "stages: [{{block: inverted_residual, channels: 8, expansion: 6, {}}}]"
    meaning = of_spec(load(text.format(short)))
    assert meaning == of_spec(load(text.format(full)))
    assert meaning != of_spec(load(text.format("")))


def test_short_objects_of_the_spec_itself(load):
    spec = load("scaling: 0.5\nstages: [{block: inverted_residual, channels: 8, expansion: 6}]")
    assert first(spec).channels == 4
    assert first(spec).expansion == Expansion(ratio=6)
    assert load("stem: [{block: conv, channels: 8, kernel: 3}]").input == (32, 32, 3)
    assert load(
        "stem: [{block: conv, channels: 8, kernel: 3}]", set={"input": [8, 16, 1]}
    ).input == (8, 16, 1)


def test_a_mapping_over_a_scalar_keeps_the_field_that_the_scalar_stands_for(load):
    spec = load(
        """
        stages: [{block: inverted_residual, channels: 8, expansion: 6, se: 0.25, rounding: down}]
        change: {stages.s1.se: {of: input}, stages.s1.rounding.divisor: 4}
        """
    )
    assert first(spec).se == SqueezeExcite(ratio=0.25, of="input")
    assert spec.rows[0].rounding == Rounding(mode="down", divisor=4)


def test_parts_follow_the_block_where_they_say_nothing(load):
    spec = load(
        """
        defaults: {activation: relu6, norm: batch, bias: true, padding: symmetric, l2: 0.1}
        stages: [{block: inverted_residual, channels: 8, expansion: 6, kernel: 5}]
        """
    )
    block = first(spec)
    for part in (block.expand, block.depthwise, block.project):
        assert (part.norm.type, part.bias, part.padding, part.l2) == (
            "batch",
            True,
            "symmetric",
            0.1,
        )
    assert [part.kernel for part in (block.expand, block.depthwise, block.project)] == [
        ((1, 1),),
        ((5, 5),),
        ((1, 1),),
    ]
    assert [part.groups for part in (block.expand, block.depthwise, block.project)] == [1, None, 1]
    # The projection is linear whatever the block's activation is (Sandler et al. 2018).
    assert [part.activation for part in (block.expand, block.depthwise, block.project)] == [
        "relu6",
        "relu6",
        None,
    ]


def test_a_part_beats_its_block_at_every_level(load):
    spec = load(
        """
        defaults: {depthwise: {activation: none, norm: {epsilon: 0.5}}, activation: relu, norm: batch}
        stages:
          block: inverted_residual
          activation: swish
          columns: [channels, expansion, activation]
          rows:
            - [8, 6, ~]
            - [8, 6, relu6]
        """
    )
    for row, activation in (("s1", "swish"), ("s2", "relu6")):
        block = first(spec, row)
        assert block.expand.activation == activation
        assert block.depthwise.activation is None
        assert block.depthwise.norm == Norm(type="batch", epsilon=0.5)
        assert block.expand.norm == Norm(type="batch")


def test_a_part_may_turn_off_or_on_what_its_block_says(load):
    spec = load(
        """
        stages:
          block: inverted_residual
          norm: batch
          expansion: 6
          rows:
            - {channels: 8, expand: {norm: none, groups: 2}, project: {activation: relu, kernel: 3}}
            - {channels: 8, norm: none, depthwise: {norm: layer, bias: true}}
        """
    )
    assert first(spec).expand.norm is None
    assert first(spec).expand.groups == 2
    assert first(spec).project.activation == "relu"
    assert first(spec).project.kernel == ((3, 3),)
    assert first(spec).depthwise.norm.type == "batch"
    assert first(spec, "s2").depthwise.norm == Norm(type="layer")
    assert first(spec, "s2").expand.norm is None


def test_a_squeeze_excite_follows_the_activation_of_its_block_but_has_no_norm(load):
    text = "stages: [{{block: inverted_residual, channels: 8, expansion: 6, activation: swish, norm: {{type: batch, epsilon: 0.5}}, se: {{ratio: 0.25{}}}}}]"
    plain = first(load(text.format(""))).se
    assert (plain.activation, plain.norm) == ("swish", None)
    said = first(load(text.format(", activation: relu, norm: batch"))).se
    assert (said.activation, said.norm) == ("relu", Norm(type="batch", epsilon=0.5))


def test_defaults_give_a_classifier_neither_norm_nor_activation(load):
    text = """
        defaults: {{norm: {{type: batch, epsilon: 0.5}}, activation: relu, bias: true {}}}
        head: [{{block: classifier {}}}]
    """
    silent = load(text.format("", "")).rows[0].blocks[0]
    assert (silent.norm, silent.activation, silent.bias) == (None, None, True)
    said = load(text.format("", ", norm: batch, activation: softmax")).rows[0].blocks[0]
    assert (said.norm, said.activation) == (Norm(type="batch", epsilon=0.5), "softmax")
    named = load(text.format(", classifier: {norm: layer}", "")).rows[0].blocks[0]
    assert named.norm == Norm(type="layer", epsilon=0.5)


def test_of_two_that_exclude_each_other_the_nearer_wins(load):
    spec = load(
        """
        defaults: {hidden: 40, group_width: 4}
        stages:
          columns: [block, channels, expansion, hidden, kernel, groups]
          rows:
            - [inverted_residual, 8, ~, ~, 3, ~]
            - [inverted_residual, 8, 6, ~, 3, ~]
            - [inverted_residual, 8, ~, 24, 3, ~]
            - [conv, ~, {ratio: 2, of: 24}, ~, 3, ~]
            - [conv, 8, ~, ~, 3, 2]
        """
    )
    assert [
        (first(spec, row).hidden, first(spec, row).expansion) for row in ("s1", "s2", "s3")
    ] == [
        (40, None),
        (None, Expansion(ratio=6)),
        (24, None),
    ]
    assert first(spec, "s4").channels is None
    assert first(spec, "s4").expansion == Expansion(ratio=2, of=24)
    assert (first(spec, "s4").groups, first(spec, "s4").group_width) == (None, 4)
    assert (first(spec, "s5").groups, first(spec, "s5").group_width) == (2, None)


def test_what_configures_the_loser_excludes_nothing(load):
    spec = load(
        """
        defaults: {expansion: {of: output}}
        stages:
          - {block: inverted_residual, channels: 8, hidden: 24}
          - {block: inverted_residual, channels: 8, expansion: 6}
        """
    )
    assert (first(spec).hidden, first(spec).expansion) == (24, None)
    assert first(spec, "s2").expansion == Expansion(ratio=6, of="output")


def test_a_default_of_a_word_that_is_a_block_too_is_the_parameter(load):
    # `norm` and `activation` are blocks as well as parameters.
    spec = load(
        """
        defaults: {activation: relu, norm: {type: batch, epsilon: 0.5}}
        head:
          - {block: norm}
          - {block: activation}
          - {block: global_pool}
        """
    )
    assert spec.rows[0].blocks[0].norm == Norm(type="batch", epsilon=0.5)
    assert spec.rows[1].blocks[0].activation == "relu"


def test_a_default_may_be_one_that_no_row_uses_yet(load):
    spec = load("defaults: {norm: batch, se: {of: input}}\nhead: [{block: global_pool}]")
    assert [row.name for row in spec] == ["global_pool"]
