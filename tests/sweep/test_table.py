"""What a sweep says that points cost is what `archspec.cost` says of each of them."""

import numpy as np
import pytest
from archspec import api
from archspec.errors import SpecError
from archspec.sweep.sample import Permutation
from archspec.sweep.space import open_space
from archspec.sweep.table import METRICS, Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

WIDTHS = "scaling.width=0.35,0.5,0.75,1.0,1.3"
MOBILENET_V2 = {
    "scaling.width": "0.35,0.5,0.75,1.0,1.3,7",
    "scaling.depth": "0.5,1,1.4",
    "scaling.rounding.channels.divisor": "1,8,16",
    "input": "1,33,96,[64,96,3],[96,96,0]",
    "classes": "10,1000,none",
    "defaults.activation": "relu6,hard_swish",
    "defaults.norm": "batch,none,layer",
    "stages.*.kernel": "3,5",
    "stages.se": "none,0.25",
    "stages.s2.expansion": "1,3,6,0",
    "stages.s3.repeats": "1,2,4,1025",
    "stages.s4.channels": "48,64,200000",
    "stages.s4.se": "none,0.25,{ratio: 0.5, of: output},bad",
    "stages.s5.block": "inverted_residual,depthwise_separable,fused_inverted_residual",
    "stages.s6.stride": "1,2,5",
    "stages.s6.kernel": "3,1x7,[3,5]",
    "stages.s7.residual": "auto,none,always",
    "head.conv.channels": "320,1280",
    "head.conv.width": "up,fixed",
    "normalization": "{mean: 0.5},{mean: 0.1}",
}


def whole(space, point, precision="fp32"):
    """What a point costs as a spec of its own, or what is wrong with it."""
    try:
        cost = api.cost(space.spec(point), precision=precision)
    except SpecError as reason:
        return None, {f"{one.code} {one.message}" for one in reason.diagnostics}
    weights = getattr(cost.weights, precision)
    return (cost.params, cost.trainable, cost.macs, cost.peak_memory, weights), set()


def compare(space, points):
    """The table of a space, its costs of points compared with those of their specs."""
    table = Table(space)
    found = table.costs(np.array(points, np.int64))
    for place, point in enumerate(points):
        costs, errors = whole(space, point, table.precision)
        where = space.digits(point)
        if costs is None:
            assert found.wrong[place] >= 0, where
            wrong = found.errors[found.wrong[place]]
            assert f"{wrong.code} {wrong.message}" in errors, where
            assert not found.metrics[place].any()
        else:
            assert found.wrong[place] == -1, where
            assert tuple(found.metrics[place].tolist()) == costs, where
    return table


def drawn(space, count, seed=0):
    # Not all from the same values of the first axes, as the first points are.
    return Permutation(space.count, seed)(np.arange(min(count, space.count))).tolist()


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(
    paths=st.lists(st.sampled_from(list(MOBILENET_V2)), min_size=1, max_size=7, unique=True),
    seed=st.integers(0, 1000),
)
def test_any_axes_of_mobilenet_v2_cost_what_their_specs_do(paths, seed):
    clash = {"stages.*.kernel", "stages.s6.kernel"}
    chosen = [path for path in paths if not (clash <= {*paths} and path == "stages.*.kernel")]
    space = open_space("mobilenet_v2", [f"{path}={MOBILENET_V2[path]}" for path in chosen])
    compare(space, drawn(space, 8, seed))


@pytest.mark.parametrize(
    ("reference", "said", "fast"),
    [
        ("mobilenet_v1", [WIDTHS, "input=32,97", "stages.s3.kernel=3,5"], True),
        ("mobilenet_v3:large", [WIDTHS, "stages.*.kernel=3,5", "defaults.activation=relu,silu"], True),
        ("mobilenet_v4:conv_small", [WIDTHS, "input=64,96"], True),
        ("efficientnet:b0", [WIDTHS, "scaling.depth=1,1.2,1.4", "stages.s4.se=none,0.1,0.25", "input=64,65"], True),
        ("efficientnet:b0:pytorch", [WIDTHS, "stages.s2.repeats=1,2,3"], True),
        ("ghostnet", [WIDTHS, "stages.s4.kernel=3,5"], True),
        ("resnet:50", [WIDTHS, "stages.s1.repeats=1,2,3", "input=32,64"], True),
        ("resnet_v2:50", ["stages.s1.repeats=1,2,3", "input=64,96"], True),
        ("densenet:121", ["stages.dense1.repeats=1,2,3", "input=64,96"], True),
        ("shufflenet_v2", ["stages.s1.repeats=1,2,3", "input=64,96"], True),
        ("squeezenet:1.1", ["classes=10,1000", "input=64,96"], True),
        ("convnext:atto", ["stages.s1.repeats=1,2,3", "stages.s3.kernel=3,7", "input=64,96"], True),
        ("repvgg:a0", ["stages.s1.repeats=1,2,3", "stages.s2.branches=1,2", "input=32,64"], True),
        ("mobilevit:xxs", ["input=64,128", "classes=10,100"], True),
        ("vgg:11", ["input=32,64", "classes=10,100"], True),
    ],
)  # fmt: skip
def test_points_of_the_zoo_cost_what_their_specs_do(reference, said, fast):
    space = open_space(reference, said)
    assert compare(space, drawn(space, 6)).by_rows is fast


def text(tmp_path, said):
    path = tmp_path / "net.yaml"
    path.write_text(f"archspec: 1\nname: net\nextends: mobilenet_v2\n{said}", encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    "said",
    [
        "outputs: {c3: s3, c5: s7}",
        "output_stride: {at: 16, dilate: after}",
        "change: {head.conv.inputs: s5}",
        "head: [{block: classifier, as: conv}, {block: resize}]",  # to the size of the image
        "head: [{block: ssd}]",  # two outputs
    ],
)
def test_nets_whose_rows_do_not_stand_alone_are_costed_whole(tmp_path, said):
    space = open_space(text(tmp_path, f"input: 64\n{said}\n"), [WIDTHS, "stages.s6.kernel=3,5"])
    assert not compare(space, drawn(space, 5)).by_rows


def test_a_row_may_become_a_resize_or_a_detector(tmp_path):
    path = text(tmp_path, "input: 64\nhead: [{block: classifier, as: conv}, {block: dropout}]")
    space = open_space(path, ["head.dropout.block=dropout,resize,ssd", WIDTHS])
    compare(space, list(range(9)))


def test_what_is_of_the_whole_net_makes_it_costed_whole(tmp_path):
    said = ["output_stride.at=8,16", "stages.s6.kernel=3,5"]
    path = text(tmp_path, "input: 64\noutput_stride: {at: 32, dilate: after}\n")
    assert not compare(open_space(path, said), [0, 1, 2, 3]).by_rows


def test_repeats_move_what_other_rows_take_of_a_ramp(tmp_path):
    path = text(
        tmp_path,
        "input: 64\ndefaults: {inverted_residual: {expansion: {from: 1, step: 1}}}\nstages: {block: inverted_residual, columns: [channels, repeats, stride], rows: [[16, 2, 2], [24, 2, 2], [32, 2, 2]]}\n",
    )
    space = open_space(
        path, ["stages.s1.repeats=1,2,3,4", "stages.s3.repeats=1,2,3", "stages.s2.kernel=3,5"]
    )
    assert compare(space, range(space.count)).by_rows
    costs = {whole(space, point)[0][2] for point in range(space.count)}
    assert len(costs) > space.count // 2


def test_bytes_are_counted_in_the_precision_of_the_budget(tmp_path):
    path = text(tmp_path, "input: 64\nbudget: {weights: 3MB, precision: int8}\n")
    space = open_space(path, [WIDTHS])
    assert compare(space, range(space.count)).precision == "int8"


def test_limits_of_the_whole_net_hold_for_the_sum_of_its_rows(tmp_path):
    path = text(
        tmp_path,
        "input: 8\nstages: {block: inverted_residual, expansion: 1, columns: [channels, repeats], rows: [[8, 1], [8, 1], [8, 1], [8, 1], [8, 1]]}\n",
    )
    space = open_space(path, [f"stages.s{row}.repeats=1,1000" for row in range(1, 6)])
    table = Table(space)
    found = table.costs(np.array([0, space.count - 1]))
    assert found.wrong.tolist() == [-1, 0]
    assert found.errors[0].message == "5004 blocks in all; at most 4096 are possible"
    assert table.by_rows


def test_a_space_without_a_spec_has_errors_alone():
    space = open_space("mobilenet_v2", ["stages.s4.residual=always", "stages.s5.kernel=3,5"])
    table = compare(space, range(2))
    assert not table.by_rows
    assert table.budget is None


def test_what_is_known_of_earlier_points_serves_later_ones():
    space = open_space("mobilenet_v2", [WIDTHS, "stages.s4.kernel=3,5,7", "input=64,96"])
    points = np.arange(space.count)
    at_once = Table(space).costs(points).metrics
    table = Table(space)
    one_by_one = np.concatenate(
        [table.costs(points[place : place + 1]).metrics for place in points[::-1]]
    )
    assert np.array_equal(one_by_one[::-1], at_once)
    assert at_once.shape == (space.count, len(METRICS))
