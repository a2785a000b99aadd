"""What went wrong elsewhere, silently: none of it can happen here."""

import archspec
import pytest

ROW = "block: inverted_residual, channels: 24, expansion: 6"
STEM = "stem: [{block: conv, channels: 24, kernel: 3}]\n"


def channels(spec) -> list[int]:
    return [row.blocks[0].channels for row in spec]


@pytest.mark.parametrize(
    "slip", ["nge: 5", "zz5: typo", "strides: 2", "activation: nre", "stride: 3.5"]
)
def test_a_token_that_nobody_knows_is_not_dropped(slip, refusal):
    # timm's `_decode_block_str` ignores unknown tokens; fast-plate-ocr took `stride` for `strides`.
    assert refusal(f"stages: [{{{ROW}, {slip}}}]").startswith(("E104", "E105"))


def test_a_ratio_is_never_taken_for_a_width(load):
    # KerasHub's MobileNetV5 makes 8 hidden channels of an expansion of 6.
    ratio = archspec.to_graph(load(f"{STEM}stages: [{{{ROW}}}]"))
    assert ratio.shapes["s1.1.expand.conv"][-1] == 144
    width = ROW.replace("expansion", "hidden")
    assert (
        archspec.to_graph(load(f"{STEM}stages: [{{{width}}}]")).shapes["s1.1.expand.conv"][-1] == 6
    )


@pytest.mark.parametrize(
    ("rounding", "count"),
    [
        ("{divisor: 8}", 16),
        ("{divisor: 8, keep: 0.9}", 24),
        ("{divisor: 8, floor: 32}", 32),
        ("{divisor: 8, mode: up}", 24),
        ("{divisor: 4, mode: down}", 16),
        ("{divisor: 3, integer: down}", 18),
    ],
)
def test_every_word_of_a_rounding_is_used(rounding, count, load):
    # KerasHub drops `round_limit`, the Model Garden `min_depth`.
    spec = load(
        f"scaling: {{width: 0.5, rounding: {{channels: {rounding}}}}}\n"
        "stem: [{block: conv, channels: 37, kernel: 1}]"
    )
    assert channels(spec) == [count]


def test_a_plain_convolution_gives_its_stride_for_dilation_too(load):
    # The Model Garden's `convbn` rows keep their stride whatever the output stride is.
    graph = archspec.to_graph(
        load(
            """
            output_stride: {at: 1}
            stages: [{block: conv, channels: 8, kernel: 3, stride: 2, repeats: 2}]
            """
        )
    )
    assert graph.shapes["s1.2.conv"] == (32, 32, 8)


def test_a_width_is_scaled_though_it_equals_the_number_of_classes(load):
    # Ultralytics does not scale a layer that is as wide as there are classes.
    spec = load("classes: 80\nscaling: 0.5\nstem: [{block: conv, channels: 80, kernel: 1}]")
    assert channels(spec) == [40]


def test_only_counts_of_channels_are_scaled(load):
    # Ultralytics scaled a kernel of 7 to 8.
    spec = load(f"scaling: 0.5\nstages: [{{{ROW}, kernel: 7, dilation: 2, se: 0.25}}]")
    block = spec.rows[0].blocks[0]
    assert (block.kernel, block.dilation, block.se.ratio, block.expansion.ratio) == (
        ((7, 7),),
        2,
        0.25,
        6,
    )


def test_a_variant_is_chosen_by_its_whole_name_and_never_by_itself(load, refusal):
    # Ultralytics takes the first scale where none is said, and the largest where "m" is in a name.
    text = STEM + "variants: {m: {scaling: 0.5}, medium: {scaling: 2}}"
    assert channels(load(text)) == [24]
    assert channels(load(text, "m")) == [12]
    assert refusal(text, "med") == "E202 there is no variant 'med'"


def test_the_exemption_from_depth_is_a_row_s_own(load):
    # kimm compares the place in the stage with the number of stages.
    spec = load(
        f"""
        scaling: {{depth: 2}}
        stages: [{{{ROW}, repeats: 3, depth: fixed}}, {{{ROW}, repeats: 3}}, {{{ROW}, repeats: 1}}]
        """
    )
    assert [len(row.blocks) for row in spec] == [3, 6, 2]


def test_a_written_width_is_kept_at_width_one(load):
    # Kindle makes 8 channels of 6 at every width.
    spec = load(
        "scaling: {rounding: {channels: {divisor: 8}}}\nstem: [{block: conv, channels: 6, kernel: 5}]"
    )
    assert channels(spec) == [6]
