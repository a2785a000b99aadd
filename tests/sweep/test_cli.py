"""`archspec sweep`: what it prints and writes, and what it says of calls and files that are wrong."""

import csv
import errno
import io
import json
import os
import pty
import re
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import archspec
import onnx
import pytest
from archspec import files, sweep
from archspec.errors import error
from archspec.sweep import run as engine
from archspec.sweep import task
from onnx import numpy_helper
from tests.commands import misuse, printed, refusal, run

FLOAT = onnx.TensorProto.FLOAT
SPEC = """\
archspec: 1
name: net
input: 32
classes: 10
stem: [{block: conv, channels: 8, kernel: 3, stride: 2}]
stages:
  block: inverted_residual
  expansion: 2
  columns: [channels, repeats, stride]
  rows: [[8, 1, 1], [16, 2, 2]]
head: [{block: global_pool}, {block: classifier}]
search:
  columns: [path, values]
  rows:
    - [stages.s1.expansion, [2, 3]]
    - [stages.s2.kernel, [3, 5]]
"""
BUDGET = "budget: {params: 5K, weights: 9000, precision: fp16}\n"
HALVE = '''\
"""A convolution that halves the image."""

from dataclasses import dataclass

from archspec import Block, Builder
from archspec.ops import Convolution
from archspec.parameters import integer, parameter


@dataclass(frozen=True, kw_only=True, slots=True)
class Halve:
    """Halve."""

    kernel: int = parameter(integer(1, 9), "the window")


def unfold(build: Builder, x: str, p: Halve) -> str:
    return build.add("conv", Convolution((p.kernel, p.kernel), 2, channels=build.shape(x)[-1]), x)


BLOCK = Block(Halve, unfold)
'''
LIMITS = {"params": 5000, "weights": 9000}
COLUMNS = "point,stages.s1.expansion,stages.s2.kernel,params,trainable,macs,peak_memory,weights"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    """A folder with a spec that has a search section."""
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(SPEC, encoding="utf-8")
    return tmp_path


def records(name: str) -> list[dict]:
    return list(sweep.read(name))


def cost(reference: str, precision="fp16") -> dict:
    found = archspec.cost(reference, precision=precision)
    return {
        **{name: getattr(found, name) for name in ("params", "trainable", "macs", "peak_memory")},
        "weights": getattr(found.weights, precision),
    }


# What is printed


def test_a_sweep_says_how_many_points_are_in_which_files():
    text = printed("sweep", "net.yaml", "-o", "a.csv", "-o", "b.parquet")
    assert text == "net.yaml → a.csv, b.parquet: 4 of 4 points\n"
    assert records("a.csv") == records("b.parquet")
    assert Path("a.csv").read_text("utf-8").splitlines()[0].replace('"', "") == COLUMNS
    assert sorted(path.name for path in Path().iterdir()) == ["a.csv", "b.parquet", "net.yaml"]


def test_what_is_drawn_over_the_budget_and_no_spec_is_counted():
    Path("net.yaml").write_text(SPEC + BUDGET, encoding="utf-8")
    text = printed(
        "sweep", "net.yaml", "-o", "a.csv", "--sample", "40", "--seed", "3",
        "--set", "stages.s2.repeats=1,2,3", "--set", "stages.s2.residual=auto,always",
        "--set", "stages.s1.kernel=3,-1",
    )  # fmt: skip
    expected = """\
net.yaml → a.csv: 8 of 48 points
drawn: 40
over the budget: 2 (params 2, weights 2)
no specs: 30
  19 such as point 3: E105 'kernel' is -1; wanted: a kernel: 3, a rectangle 1x7, or a mix [3, 5, 7]
  11 such as point 18: E302 s2.1: no residual from [16, 16, 8] to [8, 8, 16]
"""
    assert text == expected


def test_points_are_counted_as_they_are_when_each_is_costed_by_itself():
    Path("net.yaml").write_text(SPEC + BUDGET, encoding="utf-8")
    space = sweep.open_space("net.yaml", ["stages.s2.repeats=1,2,3", "stages.s1.kernel=3,5,0"])
    tally = sweep.sweep(space, ["a.csv"]).tally
    inside, invalid, over = [], 0, Counter()
    for point in range(space.count):
        try:
            costs = cost(space.spec(point))
        except archspec.SpecError:
            invalid += 1
            continue
        wide = {name for name in ("params", "weights") if costs[name] > LIMITS[name]}
        over.update(wide)
        if not wide:
            inside.append((point, costs))
    assert (tally.invalid, tally.over, tally.written) == (invalid, dict(over), len(inside))
    assert min(invalid, *over.values(), len(inside)) > 0
    assert over["params"] != over["weights"]
    found = records("a.csv")
    assert [row["point"] for row in found] == [point for point, _costs in inside]
    assert all(costs.items() <= row.items() for row, (_, costs) in zip(found, inside, strict=True))


def test_errors_beyond_the_five_most_frequent_are_counted():
    text = printed(
        "sweep", "net.yaml", "-o", "a.csv", "--set", "stages.s1.kernel=3,0,-1,x,1000,0.5,[],~"
    )
    expected = """\
net.yaml → a.csv: 8 of 32 points
no specs: 24
  4 such as point 1: E105 'kernel' is 0; wanted: a kernel: 3, a rectangle 1x7, or a mix [3, 5, 7]
  4 such as point 2: E105 'kernel' is -1; wanted: a kernel: 3, a rectangle 1x7, or a mix [3, 5, 7]
  4 such as point 3: E105 'kernel' is 'x'; wanted: a kernel: 3, a rectangle 1x7, or a mix [3, 5, 7]
  4 such as point 4: E105 'kernel' is 1000; wanted: a kernel: 3, a rectangle 1x7, or a mix [3, 5, 7]
  4 such as point 5: E105 'kernel' is 0.5; wanted: a kernel: 3, a rectangle 1x7, or a mix [3, 5, 7]
  and 1 more
"""
    assert text == expected


def test_a_sweep_that_goes_on_says_what_was_done_before(monkeypatch):
    write_whole = files.write_whole

    def full(path, data):
        if Path(path).name.startswith("000001"):
            raise error("E110", f"cannot write '{path}': {os.strerror(errno.ENOSPC)}")
        write_whole(path, data)

    monkeypatch.setattr(task, "SIZE", 3)
    with monkeypatch.context() as patch:
        patch.setattr(engine, "write_whole", full)
        assert refusal("sweep", "net.yaml", "-o", "a.csv") == (
            "E110 cannot write 'a.csv.parts/000001.parquet': No space left on device\n"
            "   what is done is kept in 'a.csv.parts'; the same command goes on from there\n"
        )
    assert printed("sweep", "net.yaml", "-o", "a.csv") == (
        "net.yaml → a.csv: 4 of 4 points\ndone before: 3\n"
    )


def test_the_front_shows_bytes_with_units_and_once_what_is_the_same_in_all_of_it():
    text = printed(
        "sweep", "net.yaml", "-o", "a.csv", "--front", "params:max,macs,weights",
        "--set", "stem.conv.activation=relu,none", "--set", "stages.s1.se=0.5,0.25",
    )  # fmt: skip
    expected = """\
net.yaml → a.csv: 16 of 16 points

point   stages.s1.expansion   stages.s2.kernel   stages.s1.se   params   trainable      macs   peak_memory    weights
─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
   12                     3                  5            0.5    4,398       4,398   401,120      56.1 KiB   17.2 KiB
   13                     3                  5           0.25    4,104       4,104   400,832      56.1 KiB   16.0 KiB
    4                     2                  5            0.5    3,850       3,850   349,600      40.1 KiB   15.0 KiB
    5                     2                  5           0.25    3,718       3,718   349,472      40.1 KiB   14.5 KiB
    8                     3                  3            0.5    3,630       3,630   351,968      56.1 KiB   14.2 KiB
    9                     3                  3           0.25    3,336       3,336   351,680      56.1 KiB   13.0 KiB
    0                     2                  3            0.5    3,082       3,082   300,448      40.1 KiB   12.0 KiB
    1                     2                  3           0.25    2,950       2,950   300,320      40.1 KiB   11.5 KiB

all of them: stem.conv.activation relu
"""
    assert text == expected


def test_a_front_of_one_point_shows_all_of_it():
    text = printed("sweep", "net.yaml", "-o", "a.csv", "--front", "macs,params")
    expected = """\
net.yaml → a.csv: 4 of 4 points

point   stages.s1.expansion   stages.s2.kernel   params   trainable      macs   peak_memory    weights
──────────────────────────────────────────────────────────────────────────────────────────────────────
    0                     2                  3    2,802       2,802   300,192      40.0 KiB   10.9 KiB
"""
    assert text == expected


def test_a_front_of_nothing_says_so():
    options = ["-o", "a.csv", "--set", "stages.s2.residual=always", "--front", "macs"]
    result = run("sweep", "net.yaml", *options, status=1)
    assert (
        result.stdout
        == """\
net.yaml → a.csv: 0 of 4 points
no specs: 4
  4 such as point 0: E302 s2.1: no residual from [16, 16, 8] to [8, 8, 16]

no point is on the front, as none is in the file
"""
    )
    result = run("sweep", "net.yaml", *options, "--format", "json", status=1)
    assert result.stdout == "[]\n"


def test_a_sweep_without_a_point_within_the_budget_fails():
    Path("net.yaml").write_text(SPEC + "budget: {params: 1}\n", encoding="utf-8")
    result = run("sweep", "net.yaml", "-o", "a.csv", status=1)
    assert result.stdout == ("net.yaml → a.csv: 0 of 4 points\nover the budget: 4 (params 4)\n")
    assert Path("a.csv").is_file()


@pytest.mark.parametrize("value", ["1180591620717411303424", "9007199254740993,32.5"])
def test_a_value_too_large_for_a_column_of_numbers_is_text(value):
    text = printed("sweep", "net.yaml", "--set", f"input=32,{value}", "-o", "a.parquet")
    assert "'input' is 9007199254740993; wanted" in text or f"'input' is {value}; wanted" in text
    (point,) = {one["input"] for one in sweep.read("a.parquet")}
    assert point == "32"


def test_programs_get_the_front_alone_with_every_column():
    options = ["sweep", "net.yaml", "-o", "a.parquet", "--front", "macs,params:max", "--format"]
    as_json, as_csv = (run(*options, style) for style in ("json", "csv"))
    found = json.loads(as_json.stdout)
    assert found == sweep.best(sweep.read("a.parquet"), "macs,params:max")
    assert list(found[0]) == COLUMNS.split(",")
    lines = list(csv.DictReader(io.StringIO(as_csv.stdout)))
    assert lines == [{key: str(value) for key, value in one.items()} for one in found]
    for result in (as_json, as_csv):
        assert result.stderr == "net.yaml → a.parquet: 4 of 4 points\n"


def test_of_the_front_the_first_are_taken():
    options = ["sweep", "net.yaml", "-o", "a.parquet", "--front", "macs,params:max"]
    whole = json.loads(run(*options, "--format", "json").stdout)
    first = json.loads(run(*options, "--format", "json", "--top", "2").stdout)
    assert len(whole) > 2
    assert first == whole[:2]
    assert [one["macs"] for one in whole] == sorted(one["macs"] for one in whole)


# What is exported


@pytest.fixture
def exported():
    """Exports the front, the first column first; gives its rows and the files, as they are named."""
    Path("net.yaml").write_text(SPEC + BUDGET.replace("9000", "1MB"), encoding="utf-8")

    def exported(kind: str) -> list[tuple[dict, str]]:
        result = run(
            "sweep", "net.yaml", "-o", "a.csv", "--front", "params:max,macs", "--top", "3",
            "--set", "stages.s1.se=none,0.25,{ratio: 0.5, of: output}",
            "--export", "some/best", "--as", kind, "--format", "json",
        )  # fmt: skip
        rows = json.loads(result.stdout)
        names = [f"some/best/net_{row['point']}.{kind}" for row in rows]
        assert len(rows) == 3
        assert result.stderr.splitlines()[-3:] == [f"wrote {name}" for name in names]
        assert sorted(map(str, Path("some/best").iterdir())) == sorted(names)
        return list(zip(rows, names, strict=True))

    return exported


def test_points_are_exported_as_specs_that_cost_what_their_rows_say(exported):
    space = sweep.open_space("net.yaml", ["stages.s1.se=none,0.25,{ratio: 0.5, of: output}"])
    for row, name in exported("yaml"):
        assert printed("check", name) == f"{name}: fine\n"
        assert cost(name).items() <= row.items()
        spec = archspec.load(name)
        assert spec.name == Path(name).stem
        point = replace(space.spec(row["point"]), name=spec.name)
        assert archspec.to_graph(spec) == archspec.to_graph(point)
        assert printed("fmt", "--check", name) == ""
        assert "search" not in Path(name).read_text(encoding="utf-8")


def test_points_are_exported_as_onnx_files_that_have_their_parameters(exported):
    for row, name in exported("onnx"):
        model = onnx.load(name)
        onnx.checker.check_model(model, full_check=True)
        weights = [one for one in model.graph.initializer if one.data_type == FLOAT]
        assert sum(numpy_helper.to_array(one).size for one in weights) == row["params"]
        assert cost(name).items() <= row.items()


def test_a_block_of_ones_own_is_swept(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    Path("halve.py").write_text(HALVE, encoding="utf-8")
    Path("own.yaml").write_text(
        "archspec: 1\nname: own\ninput: 8\nstem: [{block: halve, kernel: 1}]\n", encoding="utf-8"
    )
    own = ["--set", "stem.halve.kernel=1,3", "--blocks", "halve.py"]
    printed("sweep", "own.yaml", "-o", "a.csv", *own, "--front", "macs", "--export", ".")
    assert [row["macs"] for row in records("a.csv")] == [4 * 4 * 3 * 3, 4 * 4 * 3 * 3 * 9]
    assert printed("check", "own_0.yaml", "--blocks", "halve.py") == "own_0.yaml: fine\n"


# What is wrong


@pytest.mark.parametrize("option", [["--top", "2"], ["--export", "best"], ["--format", "csv"]])
def test_what_is_about_the_front_needs_it(option):
    text = misuse("sweep", "net.yaml", "-o", "a.csv", *option)
    assert text == "Error: --top, --export and --format are about the points of --front."
    assert not Path("a.csv").exists()


def test_a_sweep_needs_a_file_to_write():
    assert misuse("sweep", "net.yaml") == "Error: Missing option '-o' / '--output'."


LARGE = (
    "stages.s1.channels=1..1000",
    "stages.s2.channels=1..1000",
    "stages.s1.kernel=1..1000",
    "stages.s2.repeats=1..1000",
    "classes=1..1000",
)
"""10^15 points, and those of the section search."""
WORDS = "relu,relu6,hard_swish,swish,gelu,sigmoid,tanh,none"
MANY = (
    "stem.conv.kernel=1,3,5,7",
    f"stem.conv.activation={WORDS}",
    f"stages.s1.activation={WORDS}",
    f"stages.s2.activation={WORDS}",
    "stages.s1.kernel=3,5,7",
    "stages.s1.repeats=1,2,3",
)
"""18,432 points, 73,728 with those of the section search."""
REFUSED = [
    (
        ["--set", "stages.s1.expansion=2", "--set", "stages.s2.kernel=3"],
        "E620 nothing varies in net.yaml\n"
        "   say a path with several values: --set stages.s4.kernel=3,5,7, or a search section\n",
    ),
    (
        ["--set", "budget.macs=1M,2M"],
        "--set budget.macs:1:1: E217 'budget.macs' is what points are held to\n"
        "    1 | budget.macs=1M,2M\n"
        "      | ^^^^^^^^^^^\n"
        "   sweep without it, and filter the file\n",
    ),
    (
        [f"--set={axis}" for axis in LARGE],
        "E622 4,000,000,000,000,000 points are in the space; at most 100,000,000 are tried in one"
        " sweep\n"
        "   --sample N draws some of them\n",
    ),
    (
        [*(f"--set={axis}" for axis in LARGE), "--sample", "200000000"],
        "E622 200,000,000 points are asked for; at most 100,000,000 are tried in one sweep\n"
        "   --sample N draws some of them\n",
    ),
    (
        [*(f"--set={axis}" for axis in LARGE), "--set=input=1..5000", "--sample", "9"],
        "E622 the space has 20,000,000,000,000,000,000 points, more than 2^63\n"
        "   give some of its paths fewer values\n",
    ),
    (
        ["--front", "macs,latency"],
        "E625 there is no column of numbers 'latency'\n"
        "   there are stages.s1.expansion, stages.s2.kernel, params, trainable, macs, peak_memory,"
        " weights\n",
    ),
    (
        ["--front", "stages.s1.se", "--set", "stages.s1.se=none,0.25"],
        "E625 there is no column of numbers 'stages.s1.se'\n   did you mean 'stages.s2.kernel'?\n",
    ),
    (
        ["-o", "b.txt"],
        "E626 cannot tell what 'b.txt' is to be\n   wanted: a name that ends in .csv or .parquet\n",
    ),
    (
        ["--front", "macs", "--export", "net.yaml"],
        "E110 cannot make the folder 'net.yaml': File exists\n",
    ),
    (
        ["--set", "stages.s1.kernel=3..1"],
        "--set stages.s1.kernel:1:1: E215 the range of 'stages.s1.kernel' is empty: steps of 1 from"
        " 3 never come to 1\n"
        "    1 | stages.s1.kernel=3..1\n"
        "      | ^^^^^^^^^^^^^^^^\n",
    ),
    (
        ["--set", "stages.s9.kernel=3,5"],
        "--set stages.s9.kernel:1:1: E104 'stages' has no row 's9', and no block in it has such a"
        " parameter\n"
        "    1 | stages.s9.kernel=3,5\n"
        "      | ^^^^^^^^^^^^^^^^\n"
        "   the rows are s1, s2\n",
    ),
    (
        ["--set", "stages.channels=8,16"],
        "--set stages.channels:1:1: E207 every row says 'channels' itself; 'stages.channels' does"
        " nothing\n"
        "    1 | stages.channels=8,16\n"
        "      | ^^^^^^^^^^^^^^^\n"
        "   say 'stages.*.channels'\n",
    ),
    (["--set", "stages.s1.kernel"], "E102 '--set stages.s1.kernel' is not path=value\n"),
    (["--set", "stages.s1.kernel= "], "E102 '--set stages.s1.kernel= ' is not path=value\n"),
]


@pytest.mark.parametrize(("options", "text"), REFUSED)
def test_a_space_or_a_call_that_is_wrong_is_refused_before_any_work(options, text):
    assert refusal("sweep", "net.yaml", "-o", "a.csv", *options) == text
    assert [path.name for path in Path().iterdir()] == ["net.yaml"]


def test_of_a_space_that_is_too_large_some_points_are_drawn():
    axes = [f"--set={axis}" for axis in LARGE]
    text = printed("sweep", "net.yaml", "-o", "a.csv", *axes, "--sample", "12")
    first, second, *_ = text.splitlines()
    assert re.fullmatch(r"net\.yaml → a\.csv: \d+ of 4,000,000,000,000,000 points", first)
    assert second == "drawn: 12"
    space = sweep.open_space("net.yaml", LARGE)
    for row in records("a.csv"):
        assert cost(space.spec(row["point"]), "fp32").items() <= row.items()


def test_what_another_sweep_has_left_is_not_mixed_with_this_one():
    printed("sweep", "net.yaml", "-o", "a.csv")
    wanted = Path("a.csv").read_bytes()
    Path("a.csv.parts").mkdir()
    Path("a.csv.parts/manifest.json").write_text('{"work": "other"}', encoding="utf-8")
    assert refusal("sweep", "net.yaml", "-o", "a.csv") == (
        "E624 'a.csv.parts' holds what another sweep has done\n"
        "   --restart throws it away; or write to another file\n"
    )
    printed("sweep", "net.yaml", "-o", "a.csv", "--restart")
    assert Path("a.csv").read_bytes() == wanted


def test_a_cluster_needs_the_package_for_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert refusal("sweep", "net.yaml", "-o", "a.csv", "--cluster", "tcp://127.0.0.1:1") == (
        "E628 --cluster needs the package distributed\n"
        "   pip install 'archspec-compiler[cluster]'\n"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "E627 'a.csv' is no result of a sweep: Empty CSV file"),
        ("a,b\n1,2\n", "E627 'a.csv' is no result of a sweep\n   wanted: the columns point, paths,"
         " params, trainable, macs, peak_memory, weights"),
        (None, "E100 cannot read 'a.csv': No such file or directory"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_result_is_refused(text, message):
    if text is not None:
        Path("a.csv").write_text(text, encoding="utf-8")
    with pytest.raises(archspec.SpecError) as caught:
        sweep.read("a.csv")
    assert str(caught.value) == message


# What the types of columns and missing values mean


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_values_that_only_later_lines_tell_to_be_no_whole_numbers_are_read(ending):
    fixed = ("stages.s1.expansion=2", "stages.s2.kernel=3")
    varied = ("scaling.width=1.0,0.5", "stages.s1.se=0.25,none")
    for first, other in (varied, varied[::-1]):
        # It changes in the middle of the file, after more than the megabyte that is read at once.
        space = sweep.open_space("net.yaml", [*fixed, first, other.partition(",")[0], *MANY])
        sweep.sweep(space, [f"a.{ending}"])
        found = sweep.read(f"a.{ending}")
        assert found.axes == tuple(axis.path for axis in space.axes)
        path, _equals, values = first.partition("=")
        assert (path in found.numbers()) is (path == "scaling.width")
        assert {str(row[path]) for row in found} == set(values.split(","))


def test_a_column_of_ones_own_is_a_goal_and_a_point_without_a_value_is_on_no_front():
    printed("sweep", "net.yaml", "-o", "a.csv")
    lines = Path("a.csv").read_text(encoding="utf-8").splitlines()
    values = ["accuracy", "", "0.5", "0.75", "0.25"]
    Path("a.csv").write_text(
        "".join(f"{line},{value}\n" for line, value in zip(lines, values, strict=True)), "utf-8"
    )
    best = sweep.best(sweep.read("a.csv"), "accuracy:max,macs")
    assert [(one["point"], one["accuracy"]) for one in best] == [(2, 0.75), (1, 0.5)]


# On a terminal


def test_a_terminal_shows_how_far_it_is_how_fast_and_how_long_it_takes_yet(here):
    leader, follower = pty.openpty()
    command = [
        sys.executable, "-m", "archspec", "sweep", "net.yaml", "-o", "a.csv", "--jobs", "1",
        *(f"--set={axis}" for axis in MANY),
    ]  # fmt: skip
    root = str(Path(archspec.__file__).parents[1])
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "PYTHONPATH": root}
    text = b""
    with subprocess.Popen(
        command, cwd=here, env=environment, stdout=subprocess.PIPE, stderr=follower
    ) as process:
        os.close(follower)
        with suppress(OSError):  # so Linux says that the other end is closed
            while piece := os.read(leader, 65536):
                text += piece
        assert process.stdout.read().decode() == "net.yaml → a.csv: 73,728 of 73,728 points\n"
    os.close(leader)
    assert process.returncode == 0
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.decode())
    assert re.search(r" 32768/73728 [1-9][0-9,]* a second [0-9:-]+", shown)
    assert re.search(r" 73728/73728 [1-9][0-9,]* a second 0:00:00", shown)
