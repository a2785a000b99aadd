"""Every command with every option: what it prints, what it writes, and its exit status."""

import csv
import io
import json
import re
from pathlib import Path

import archspec
import pytest
from archspec import views
from archspec.cli import archspec as program
from archspec.draft import SCHEMA
from tests.commands import misuse, printed, refusal, run

DATA = Path(__file__).parent / "data"
TINY = str(DATA / "tiny.yaml")
COMMANDS = [
    "list", "new", "check", "fmt", "show", "explain", "diff", "report", "diagram", "watch", "sweep",
    "train", "compile", "export", "predict", "verify", "bench", "blocks", "schema",
]  # fmt: skip
OUTPUTS = {
    "train": ["--data", ".", "-o", "out"],
    "report": ["-o", "out.html"],
    "diagram": ["-o", "out.svg"],
    "compile": ["-o", "out.keras"],
    "export": ["-o", "out.onnx"],
}
TAKES_SPEC = [
    "show", "explain", "report", "diagram", "train", "compile", "export", "verify", "bench",
]  # fmt: skip

FINE = """\
archspec: 1
name: fine
input: 8
stem:
  - {block: conv, channels: 4, kernel: 3}
"""
WRONG = FINE.replace("kernel", "kernal")
WRONG_TEXT = """\
wrong.yaml:5:32: E104 unknown parameter 'kernal' of block 'conv'
    5 |   - {block: conv, channels: 4, kernal: 3}
      |                                ^^^^^^
   did you mean 'kernel'?
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Help and wrong calls


def test_the_help_shows_the_commands_in_the_order_of_the_work():
    assert (
        printed("--help")
        == printed("-h")
        == """\
Usage: archspec [OPTIONS] COMMAND [ARGS]...

  Compile a YAML table of a mobile CNN to a Keras model and a checked ONNX file.

  SPEC is a .yaml file or a name that `archspec list` prints, with variants if wanted:
  mobilenet_v2:1.4, my/net.yaml:small.

Options:
  --version   Show the version and exit.
  -h, --help  Show this message and exit.

Commands:
  list     Print the zoo: each variant, its input, parameters and MACs.
  new      Write NAME.yaml, a spec to start from.
  check    Validate spec files, folders of them, or specs of the zoo.
  fmt      Align the tables of spec files; words and comments stay.
  show     Print the resolved table: shapes and costs, by row and in all.
  explain  Say where each number comes from, and how it was rounded.
  diff     Say what differs between two specs: rows, costs, weights.
  report   Write a page about SPEC, or several: costs, charts, diagrams.
  diagram  Draw SPEC: its rows, blocks, shapes, skips and branches.
  watch    Show SPEC's report on a local page that follows the file.
  sweep    Cost a space of variants, and find the best.
  train    Train SPEC on pictures, and save the Keras model.
  compile  Build the trainable Keras model and save it.
  export   Write the ONNX or LiteRT file, checked before it appears.
  predict  Draw what an exported net finds in pictures.
  verify   Compare SPEC with the implementations that it says it equals.
  bench    Measure how long SPEC takes in ONNX Runtime, on the CPU.
  blocks   Print the blocks that a row may name, or the parameters of one.
  schema   Print the JSON Schema of spec files, for editors.

  Exit status: 0 fine; 1 the spec, the model or the weights are wrong; 2 the call is.
"""
    )


def test_no_command_is_the_help_and_a_wrong_call():
    result = run(status=2)
    assert result.stderr.strip() == printed("--help").strip()


def test_no_line_about_a_command_is_cut_at_80_columns():
    assert "..." not in run("--help", columns=78).stdout.partition("Commands:")[2]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_fits_and_explains_every_option(command):
    text = printed(command, "--help")
    assert max(map(len, text.splitlines())) <= 100
    assert text.startswith(f"Usage: archspec {command} [OPTIONS]")
    options = [item for item in program.commands[command].params if item.opts[0].startswith("-")]
    for option in options:
        assert option.help
        assert option.opts[-1] in text


def test_the_list_of_commands_here_is_that_of_the_program():
    assert list(program.commands) == COMMANDS


def test_the_version_is_that_of_the_distribution(monkeypatch):
    versions = {"archspec-compiler": "9.8.7"}
    monkeypatch.setattr("importlib.metadata.version", versions.__getitem__)
    assert printed("--version") == "archspec, version 9.8.7\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["frobnicate"],
        ["--frobnicate"],
        ["show"],
        ["show", TINY, "--frobnicate"],
        ["show", TINY, "more"],
        ["show", TINY, "--format", "github"],
        ["check"],
        ["check", TINY, "--format", "csv"],
        ["check", TINY, "--set", "classes=3"],
        ["fmt"],
        ["list", "--format", "xml"],
        ["blocks", "conv", "more"],
        ["new"],
        ["new", "a", "b"],
        ["report", TINY],
        ["report", "-o", "a.html"],
        ["report", TINY, "-o", "a.html", "--batch", "0"],
        ["diagram", TINY],
        ["diagram", TINY, TINY, "-o", "a.svg"],
        ["train", TINY, "--data", "."],
        ["train", TINY, "-o", "out"],
        ["train", TINY, "--data", ".", "-o", "out", "--save-every", "0"],
        ["train", TINY, "--data", ".", "-o", "out", "--strategy", "pigeon"],
        ["train", TINY, "--data", ".", "-o", "out", "--export", "a.keras"],
        ["compile", TINY],
        ["export", TINY],
        ["export", TINY, "-o", "a.onnx", "--opset", "a"],
        ["export", TINY, "-o", "a.onnx", "--opset", "17.0"],
        ["export", TINY, "-o", "a.onnx", "--batch", "0"],
        ["export", TINY, "-o", "a.onnx", "--via", "pigeon"],
        ["schema", "more"],
    ],
)
def test_a_wrong_call_is_status_2_and_shows_the_usage(here, arguments):
    assert misuse(*arguments).startswith("Error: ")
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("command", TAKES_SPEC)
@pytest.mark.parametrize("text", ["", "x", "=1", " =1", "x=", "x= "])
def test_an_assignment_needs_a_path_and_a_value(command, text):
    assert misuse(command, TINY, "--set", text) == (
        f"Error: Invalid value for '--set': {text!r} is not PATH=VALUE, as in scaling.width=0.5."
    )


@pytest.mark.parametrize(
    "name", ["a.b", "a/b", "/", ".", "..", "1a", "_a", "a b", "é", "", "a\n", "a" * 65]
)
def test_a_new_spec_needs_a_name(here, name):
    assert misuse("new", "--", name) == (
        f"Error: Invalid value for 'NAME': {name!r} is no name: letters, digits and _,"
        " a letter first."
    )
    assert list(here.iterdir()) == []


def test_a_graph_is_no_table():
    assert misuse("show", TINY, "--graph", "--format", "json") == (
        "Error: --graph is printed as text only."
    )


# A spec that is wrong, whatever the command


@pytest.mark.parametrize("command", TAKES_SPEC)
def test_what_is_wrong_goes_to_stderr_and_nothing_is_written(here, command):
    (here / "wrong.yaml").write_text(WRONG, encoding="utf-8")
    output = OUTPUTS.get(command, [])
    assert refusal(command, "wrong.yaml", *output) == WRONG_TEXT
    assert refusal(command, "nothing.yaml", *output) == (
        "E100 cannot read 'nothing.yaml': there is no such file\n"
    )
    assert refusal(command, "tiny", *output).startswith("E201 there is no spec 'tiny' in the zoo\n")
    assert refusal(command, f"{TINY}:big", *output) == (
        f"the call:1:{len(TINY) + 2}: E202 there is no variant 'big'\n"
        f"    1 | {TINY}:big\n      | {' ' * (len(TINY) + 1)}^^^\n   there are wide\n"
    )
    assert [path.name for path in here.iterdir()] == ["wrong.yaml"]


WRONG_SETTINGS = {
    "klasses=3": """\
--set klasses:1:1: E104 unknown key 'klasses'
    1 | klasses=3
      | ^^^^^^^
   did you mean 'classes'?
""",
    "stages.s2.kernal=3": """\
--set stages.s2.kernal:1:1: E104 unknown parameter 'kernal' of block 'inverted_residual'
    1 | stages.s2.kernal=3
      | ^^^^^^^^^^^^^^^^
   did you mean 'kernel'?
""",
    "scaling.width=wide": """\
--set scaling.width:1:1: E105 'scaling.width' is 'wide'; wanted: a number from 0.001 to 1000
    1 | wide
      | ^^^^
""",
    "stages.*.stride=[1, 2, 3]": """\
--set stages.*.stride:1:1: E210 'stages.*.stride' has 3 values for 2 rows
    1 | [1, 2, 3]
      | ^^^^^^^^^
   the rows are s1, s2; ~ leaves a row as it is
""",
}


@pytest.mark.parametrize("command", TAKES_SPEC)
@pytest.mark.parametrize(("setting", "text"), WRONG_SETTINGS.items(), ids=WRONG_SETTINGS)
def test_what_is_set_is_checked_as_a_spec_is(command, setting, text):
    output = OUTPUTS.get(command, [])
    assert refusal(command, TINY, "--set", setting, *output) == text


def test_yaml_that_is_none_is_refused_where_it_is_set():
    text = refusal("show", TINY, "--set", "input=[8, 8")
    assert text.startswith("--set input:1:6: E102 not YAML: ")


# list


def test_the_zoo_is_listed_as_text_json_and_csv():
    names = ["mobilenet_v2", "mobilenet_v3_rw"]
    text, data, table = (
        printed("list", *names, "--format", style) for style in ("text", "json", "csv")
    )
    records = json.loads(data)
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [record["spec"] for record in records] == [row["spec"] for row in rows]
    assert records == [
        {**record, "input": list(record["input"])} for record in views.catalog(names)
    ]
    assert next(row for row in rows if row["spec"] == "mobilenet_v2:1.4:pytorch") == {
        "spec": "mobilenet_v2:1.4:pytorch",
        "input": "224x224x3",
        "params": "6108776",
        "macs": "582195824",
        "source": "Sandler et al. 2018, arXiv:1801.04381, Table 2",
        "equals": "timm:mobilenetv2_140, torchvision:mobilenet_v2(width_mult=1.4)",
    }
    assert text == printed("list", *names)
    head, rule, *lines = text.splitlines()
    assert head.split() == ["spec", "input", "params", "macs", "source"]
    assert set(rule) == {"─"}
    assert [line.split()[0] for line in lines] == [record["spec"] for record in records]
    assert "mobilenet_v2:1.4            224x224x3   6,156,712   582,195,824" in lines


def test_a_record_of_the_list_is_plain_json():
    (record,) = json.loads(printed("list", "mobilenet_v3_rw", "--format", "json"))
    assert list(record) == ["spec", "input", "params", "macs", "source", "equals"]
    assert record["input"] == [224, 224, 3]
    assert record["equals"] == ["timm:mobilenetv3_rw"]
    assert json.loads(printed("list", "mobilenet_v2_notebook", "--format", "json"))[0] == {
        "spec": "mobilenet_v2_notebook",
        "input": [224, 224, 3],
        "params": 3_560_040,
        "macs": 300_774_272,
        "source": "A hand-written MobileNetV2: biases everywhere, ReLU6 after the expansion only,"
        " a convolution as classifier",
        "equals": [],
    }


def test_a_spec_that_the_zoo_does_not_have_is_not_listed():
    assert refusal("list", "mobilenet_v2", "mobilenetv3") == (
        "E201 there is no spec 'mobilenetv3' in the zoo\n   did you mean 'mobilenet_v3'?\n"
    )


# new


def test_a_new_spec_is_written_with_its_schema_and_the_next_steps_are_named(here):
    assert printed("new", "mine") == (
        "wrote mine.yaml and archspec.schema.json; edit the table, then\n"
        "  archspec check mine.yaml\n"
        "  archspec show mine.yaml\n"
        "  archspec compile mine.yaml -o mine.keras\n"
        "  archspec export mine.yaml -o mine.onnx\n"
    )
    assert sorted(path.name for path in here.iterdir()) == [SCHEMA, "mine.yaml"]
    assert (here / SCHEMA).read_text(encoding="utf-8") == printed("schema")
    assert (
        (here / "mine.yaml").read_text(encoding="utf-8")
        == """\
# yaml-language-server: $schema=archspec.schema.json
archspec: 1
name: mine
extends: mobilenet_v2  # what is not said here is as it is there
input: 224             # height and width, or [height, width, channels]
classes: 1000          # width of the classifier
# scaling: {width: 0.75}              # every count of channels times 0.75, rounded by rule
# defaults: {activation: hard_swish}  # for every block that says nothing else
# change: {stem.conv.channels: 32}    # what the stem or the head says, by its path
stages:
  block: inverted_residual
  columns: [expansion, channels, repeats, stride]
  rows:
    - [1,  16, 1, 1]
    - [6,  24, 2, 2]
    - [6,  32, 3, 2]
    - [6,  64, 4, 2]
    - [6,  96, 3, 1]
    - [6, 160, 3, 2]
    - [6, 320, 1, 1]
"""
    )


def test_a_new_spec_is_fine_and_laid_out():
    for reference in ("efficientnet:b3", "mobilenet_v3:small:0.75", TINY):
        run("new", "mine", "--from", reference, "--force")
        assert printed("check", "mine.yaml") == "mine.yaml: fine\n"
        assert printed("fmt", "--check", ".") == ""


def test_a_file_that_is_there_is_replaced_only_by_force(here):
    (here / "mine.yaml").write_text("precious", encoding="utf-8")
    assert refusal("new", "mine") == ("E110 'mine.yaml' is there already\n   --force replaces it\n")
    assert [path.name for path in here.iterdir()] == ["mine.yaml"]
    assert (here / "mine.yaml").read_text(encoding="utf-8") == "precious"
    run("new", "mine", "--force")
    assert printed("check", "mine.yaml") == "mine.yaml: fine\n"


def test_a_new_spec_of_nothing_is_not_written(here):
    assert refusal("new", "mine", "--from", "mobilenet_v9").startswith("E201 there is no spec ")
    assert refusal("new", "mine", "--from", "mobilenet_v3").startswith(
        "zoo/mobilenet_v3.yaml:2:1: E202 the spec has no stages of its own; choose a variant\n"
    )
    assert list(here.iterdir()) == []


def test_a_spec_does_not_replace_its_parent(here):
    run("new", "mine")
    before = (here / "mine.yaml").read_bytes()
    assert misuse("new", "mine", "--from", "mine.yaml", "--force") == (
        "Error: mine.yaml cannot extend itself."
    )
    assert (here / "mine.yaml").read_bytes() == before


def test_a_folder_that_is_gone_is_an_error(here, monkeypatch):
    (here / "gone").mkdir()
    monkeypatch.chdir(here / "gone")
    (here / "gone").rmdir()
    assert refusal("new", "mine").startswith(f"E110 cannot write '{SCHEMA}': ")


def test_a_new_user_needs_only_what_the_program_prints(here):
    after = [line.strip() for line in printed("new", "mine").splitlines()[1:]]
    check, show, compile_, export = (line.removeprefix("archspec ").split() for line in after)
    assert compile_ == ["compile", "mine.yaml", "-o", "mine.keras"]
    path = here / "mine.yaml"
    text = path.read_text(encoding="utf-8")
    text = text.replace("input: 224 ", "input: 64  ").replace("classes: 1000", "classes: 5   ")
    text = text.replace("# scaling: {width: 0.75}", "scaling: {width: 0.35}")
    slipped = text.replace("- [6,  32, 3, 2]", "- [6,  32, 3]").replace("scaling:", "scalling:")
    path.write_text(slipped, encoding="utf-8")
    assert run(*check, status=1).stdout == (
        "mine.yaml:7:1: E104 unknown key 'scalling'\n"
        "    7 | scalling: {width: 0.35}              # every count of channels times 0.75,"
        " rounded by rule\n"
        "      | ^^^^^^^^\n"
        "   did you mean 'scaling'?\n"
        "mine.yaml:16:7: E111 the row has 3 cells for 4 columns\n"
        "   16 |     - [6,  32, 3]\n"
        "      |       ^^^^^^^^^^^\n"
        "   the columns are expansion, channels, repeats, stride; ~ leaves a cell unsaid\n"
    )
    path.write_text(text, encoding="utf-8")
    assert printed(*check) == "mine.yaml: fine\n"
    assert ["mine", "416,613", "4,741,568"] in [
        line.split()[:3] for line in printed(*show).splitlines()
    ]
    assert printed(*export).startswith("mine → mine.onnx: opset 17, 100 nodes, 1.6 MB\n")
    assert (here / "mine.onnx").stat().st_size > 1_500_000


# check


def test_files_folders_and_the_zoo_are_checked(here):
    (here / "nets" / "old").mkdir(parents=True)
    (here / "nets" / "b.yaml").write_text(FINE, encoding="utf-8")
    (here / "nets" / "old" / "a.yml").write_text(FINE, encoding="utf-8")
    (here / "nets" / "workflow.yaml").write_text("on: push\n", encoding="utf-8")
    assert printed("check", "nets", "mobilenet_v2:1.4", TINY) == (
        f"nets/b.yaml: fine\nnets/old/a.yml: fine\nmobilenet_v2:1.4: fine\n{TINY}: fine\n"
    )


def test_all_that_is_wrong_is_said_of_all_files(here):
    (here / "one.yaml").write_text(FINE, encoding="utf-8")
    (here / "two.yaml").write_text(WRONG, encoding="utf-8")
    (here / "six.yaml").write_text("archspec: [\n", encoding="utf-8")
    result = run("check", ".", "nothing.yaml", "tiny", status=1)
    assert result.stderr == ""
    fine, *rest = result.stdout.splitlines()
    assert fine == "one.yaml: fine"
    assert [line for line in rest if re.match(r"(\S+: )?E\d", line)] == [
        "six.yaml:2:1: E102 not YAML: did not find expected node content",
        "two.yaml:5:32: E104 unknown parameter 'kernal' of block 'conv'",
        "E100 cannot read 'nothing.yaml': there is no such file",
        "E201 there is no spec 'tiny' in the zoo",
    ]


def test_what_is_wrong_is_json(here):
    (here / "wrong.yaml").write_text(WRONG, encoding="utf-8")
    result = run("check", "wrong.yaml", "mobilenet_v1", "--format", "json", status=1)
    assert json.loads(result.stdout) == [
        {
            "code": "E104",
            "message": "unknown parameter 'kernal' of block 'conv'",
            "hint": "did you mean 'kernel'?",
            "file": "wrong.yaml",
            "line": 5,
            "column": 32,
            "end_line": 5,
            "end_column": 38,
            "notes": [],
        },
    ]
    assert printed("check", "mobilenet_v1", "--format", "json") == "[]\n"


def test_what_is_wrong_is_an_annotation_of_a_workflow(here):
    (here / "a,b: 100%.yaml").write_text(WRONG, encoding="utf-8")
    result = run("check", "a,b: 100%.yaml", "--format", "github", status=1)
    assert result.stdout == (
        "::error file=a%2Cb%3A 100%25.yaml,line=5,col=32,title=E104::unknown parameter 'kernal' of"
        " block 'conv'%0Adid you mean 'kernel'?\n"
    )
    assert printed("check", "mobilenet_v1", "--format", "github") == ""


@pytest.mark.parametrize("command", ["check", "fmt"])
def test_a_folder_without_a_spec_is_an_error(here, command):
    (here / "empty").mkdir()
    result = run(command, "empty", status=1)
    assert result.output == "E100 there is no spec in the folder 'empty'\n"


def test_standard_input_is_no_file():
    assert run("check", "-", status=1).stdout == (
        "E201 there is no spec '-' in the zoo\n"
        "   a spec is read from a file, not from standard input\n"
    )


@pytest.mark.parametrize(
    "name", ["my net.yaml", "ñëŧ 網 😀.yaml", "-.yaml", "[x].yaml", "a:b.yaml"]
)
def test_odd_names_are_names(here, name):
    (here / name).write_text(FINE, encoding="utf-8")
    assert printed("check", "--", name) == f"{name}: fine\n"
    assert printed("show", "--", name).splitlines()[-7].startswith("fine ")
    assert printed("fmt", "--", name) == ""


@pytest.mark.parametrize("name", ["x" * 5000 + ".yaml", "a\0b.yaml", "file.yaml/net.yaml"])
def test_names_that_no_system_takes_are_errors(here, name):
    (here / "file.yaml").write_text(FINE, encoding="utf-8")
    assert run("check", name, status=1).stdout.startswith("E100 cannot read '")
    assert refusal("show", name).startswith("E100 cannot read '")
    assert refusal("fmt", name).startswith("E100 cannot read '")


def test_a_long_path_is_a_path(here, monkeypatch):
    for _ in range(12):
        (here / ("d" * 200)).mkdir()
        monkeypatch.chdir(here := here / ("d" * 200))
    (here / "net.yaml").write_text(FINE, encoding="utf-8")
    assert printed("check", str(here)) == f"{here}/net.yaml: fine\n"


# fmt


UNALIGNED = f"{FINE}stages:\n  columns: [block, channels,kernel]\n  rows:\n    - [conv, 8, 3]\n    - [conv, 16, 5]   # wide\n"
ALIGNED = f"{FINE}stages:\n  columns: [block, channels, kernel]\n  rows:\n    - [conv,  8, 3]\n    - [conv, 16, 5]   # wide\n"


def test_files_are_laid_out_and_said_to_be(here):
    for name in ("a.yaml", "b.yaml"):
        (here / name).write_text(UNALIGNED, encoding="utf-8")
    (here / "c.yaml").write_text(ALIGNED, encoding="utf-8")
    assert run("fmt", "--check", "a.yaml", "c.yaml", status=1).output == "a.yaml: would change\n"
    assert (here / "a.yaml").read_text(encoding="utf-8") == UNALIGNED
    assert printed("fmt", ".") == "a.yaml: formatted\nb.yaml: formatted\n"
    assert {path.read_text(encoding="utf-8") for path in here.iterdir()} == {ALIGNED}
    assert printed("fmt", ".") == printed("fmt", "--check", ".") == ""


def test_a_file_that_cannot_be_laid_out_does_not_keep_the_others(here):
    (here / "a.yaml").write_text("archspec: [\n", encoding="utf-8")
    (here / "b.yaml").write_text(UNALIGNED, encoding="utf-8")
    result = run("fmt", ".", "mobilenet_v2", status=1)
    assert result.stdout == "b.yaml: formatted\n"
    assert [line for line in result.stderr.splitlines() if " E1" in f" {line}"] == [
        "a.yaml:2:1: E102 not YAML: did not find expected node content",
        "E100 cannot read 'mobilenet_v2': there is no such file",
    ]
    assert (here / "b.yaml").read_text(encoding="utf-8") == ALIGNED


# show and explain


TINY_TABLE = """\
row                block               repeats   says                                input     output   params     macs     memory   field   stride
───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
stem.conv          conv                      1   channels 4, kernel 3, stride 2      16x16x3   8x8x4       124    6,912   4.00 KiB   3       2
stages.s1          inverted_residual         1   channels 4, expansion 1, stride 1   8x8x4     8x8x4        84    3,328   3.00 KiB   7       2
stages.s2          inverted_residual         2   channels 8, expansion 2, stride 2   8x8x4     4x4x8       824   10,624   3.00 KiB   19      4
head.global_pool   global_pool               1                                       4x4x8     1x1x8         0        0      544 B   all
head.classifier    classifier                1                                       1x1x8     3            27       24       44 B   all

tiny                                                                                                     1,059   20,888   4.00 KiB

params      907 trainable, 152 statistics
FLOPs       41,776 for 1 image, two for each multiply-accumulate
weights     3.25 KiB in fp32, 1.62 KiB in fp16, 1.04 KiB in int8
memory      4.00 KiB of activations in fp32, at stem.conv.conv
intensity   1.47 FLOPs for each byte that is moved
"""


def test_a_spec_is_shown_as_a_table():
    assert printed("show", TINY) == TINY_TABLE


def test_a_spec_is_shown_as_json_and_csv():
    found = json.loads(printed("show", f"{TINY}:wide", "--format", "json"))
    rows = list(csv.DictReader(io.StringIO(printed("show", f"{TINY}:wide", "--format", "csv"))))
    assert [record["row"] for record in found["rows"]] == [row["row"] for row in rows]
    assert rows[2] == {
        "row": "stages.s2",
        "block": "inverted_residual",
        "repeats": "2",
        "says": "channels 16, expansion 2, stride 2",
        "input": "8x8x8",
        "output": "4x4x16",
        "params": "2352",
        "trainable": "2096",
        "statistics": "256",
        "macs": "35584",
        "flops": "71168",
        "peak_memory": "6144",
        "weights_fp32": "7872",
        "weights_fp16": "3936",
        "weights_int8": "2352",
        "moved": "34496",
        "intensity": str(71168 / 34496),
        "receptive_field": "19x19",
        "stride": "4x4",
    }
    assert rows[-1]["receptive_field"] == rows[-1]["stride"] == ""
    assert found["rows"][2]["output"] == [4, 4, 16]
    assert found["rows"][-1]["receptive_field"] is None


def test_the_total_for_programs_is_that_of_the_rows():
    found = json.loads(printed("show", TINY, "--format", "json"))
    rows, total = found.pop("rows"), found.pop("total")
    assert found == {"spec": "tiny", "input": [16, 16, 3], "batch": 1, "precision": "fp32"}
    kept = {"peak_memory": max, "intensity": None, "peak_node": None}
    for key in total.keys() - kept.keys():
        assert total[key] == sum(row[key] for row in rows)
    assert total["peak_memory"] == max(row["peak_memory"] for row in rows)
    assert total["intensity"] == total["flops"] / total["moved"]
    assert total["peak_node"] in {node.name for node in archspec.to_graph(TINY).nodes}


def test_costs_are_for_a_size_a_batch_and_a_precision():
    def total(*arguments: str) -> dict:
        return json.loads(printed("show", TINY, *arguments, "--format", "json"))["total"]

    plain = total()
    assert total("--size", "32") == total("--set", "input=32")
    assert total("--size", "32x16")["macs"] == total("--set", "input=[32, 16, 3]")["macs"]
    three = total("--batch", "3")
    assert three["macs"] == 3 * plain["macs"]
    assert three["peak_memory"] == 3 * plain["peak_memory"]
    assert three["params"] == plain["params"]
    small = total("--precision", "int8")
    assert small["peak_memory"] * 4 == plain["peak_memory"]
    assert small["moved"] < total("--precision", "fp16")["moved"] < plain["moved"]
    assert "3 images" in printed("show", TINY, "--batch", "3")


def test_a_size_a_batch_or_a_precision_that_is_none_is_a_wrong_call():
    assert misuse("show", TINY, "--size", "wide") == (
        "Error: Invalid value for '--size': 'wide' is neither 224 nor 224x192, height and width."
    )
    assert misuse("show", TINY, "--batch", "0") == (
        "Error: Invalid value for '--batch': 0 is not in the range x>=1."
    )
    assert misuse("show", TINY, "--precision", "int4") == (
        "Error: Invalid value for '--precision': 'int4' is not one of 'fp32', 'fp16', 'int8'."
    )
    assert refusal("show", TINY, "--size", "99999") == (
        "E105 images of 99999x99999 pixels; wanted: sides of 1 to 16384\n"
    )


def test_values_are_set_last_and_in_order():
    twice = ["--set", "scaling.width=4", "--set", "scaling.width=1"]
    text = printed("show", f"{TINY}:wide", *twice)
    assert text.splitlines()[2:-7] == TINY_TABLE.splitlines()[2:-7]
    assert text.splitlines()[-7].split()[:3] == ["tiny:wide", "1,059", "20,888"]
    text = printed(
        "show", TINY, "--set", "stages.*.repeats=[~, 1]", "--set", "stem.conv.kernel=1x5"
    )
    assert [line.split()[2] for line in text.splitlines()[2:7]] == ["1"] * 5
    assert "kernel 1x5" in text


def test_a_graph_is_shown_as_its_text():
    text = printed("show", TINY, "--graph", "--set", "classes=4")
    assert text == f"{archspec.to_graph(archspec.load(TINY, classes=4))}\n"
    assert text.splitlines()[0] == "graph tiny"


def test_an_explanation_is_text_json_and_csv():
    lines = printed("explain", f"{TINY}:wide", "stages.*.channels").splitlines()
    assert lines[0].split() == ["path", "value", "said", "by", "where", "how"]
    assert lines[2:] == [
        f"stages.s1.channels   8       row       {TINY}:12:11   4 x 2 = 8",
        f"stages.s2.channels   16      row       {TINY}:13:11   8 x 2 = 16",
    ]
    arguments = ["explain", f"{TINY}:wide", "stages.s2.stride", "--format"]
    record = {
        "path": "stages.s2.stride",
        "value": "2, 1",
        "said by": "row",
        "where": f"{TINY}:13:17",
        "how": "",
    }
    assert json.loads(printed(*arguments, "json")) == [record]
    assert list(csv.DictReader(io.StringIO(printed(*arguments, "csv")))) == [record]


def test_an_explanation_is_all_or_narrowed():
    brief, full = printed("explain", TINY), printed("explain", TINY, "--all")
    assert {*brief.replace("─", "").split()} < {*full.split()}
    assert "the block's own" not in brief
    assert len(printed("explain", TINY, "stages.s1").splitlines()) < len(brief.splitlines())
    assert "--set classes:1:1" in printed("explain", TINY, "classes", "--set", "classes=9")
    assert refusal("explain", TINY, "s2") == (
        "E204 nothing is called 's2' in tiny\n   did you mean 'stages.s2'?\n"
    )


# export, compile and schema


def exported(*arguments: str) -> list[str]:
    """The lines that an export prints, its digits masked."""
    return re.sub(r"\d\.\de-\d\d|[0-9a-f]{64}", "#", printed("export", *arguments)).splitlines()


CHECKED = (
    "checked: ONNX Runtime is within # of the reference, in standard deviations of the output"
    " (bound #), at batch "
)


def test_an_export_says_what_it_did(here):
    assert exported(TINY, "-o", "tiny.onnx") == [
        "tiny → tiny.onnx: opset 17, 20 nodes, 0.0 MB",
        "weights: random:0, untrained",
        f"{CHECKED}1 and 3",
        "sha256: #",
    ]
    assert [path.name for path in here.iterdir()] == ["tiny.onnx"]


def test_an_export_obeys_its_options():
    import onnx

    stored = str(DATA / "tiny.keras")
    lines = exported(
        TINY, "--output", "a.onnx", "--opset", "13", "--batch", "2", "--weights", stored
    )
    assert lines[1:3] == [f"weights: {stored}: 47 arrays, names of archspec", f"{CHECKED}2"]
    model = onnx.load("a.onnx")
    assert model.opset_import[0].version == 13
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_value == 2
    lines = exported(
        f"{TINY}:wide", "-o", "b.onnx", "--no-check", "--weights", "random:5", "--set", "classes=9"
    )
    assert lines[1:3] == ["weights: random:5, untrained", "not checked"]
    assert onnx.load("b.onnx").graph.output[0].type.tensor_type.shape.dim[1].dim_value == 9


def test_the_same_export_is_the_same_bytes(here):
    from hashlib import sha256

    first = printed("export", TINY, "-o", "a.onnx", "--no-check").splitlines()[-1]
    second = printed("export", TINY, "-o", "b.onnx").splitlines()[-1]
    assert first == second == f"sha256: {sha256((here / 'a.onnx').read_bytes()).hexdigest()}"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--opset", "5"], "E410 opset 5 is not one of 13 to "),
        (["--weights", "nothing.keras"], "E501 cannot read 'nothing.keras': "),
        (["--weights", "weights.pt"], "E501 cannot read 'weights.pt': No such file or directory\n"),
        (
            ["--weights", "weights.bin"],
            "E502 cannot read weights from 'weights.bin'\n"
            "   its name ends in .safetensors, .keras, .weights.h5, .h5, .pth, .pt\n",
        ),
        (["--weights", "random:x"], "E508 the seed of 'random:x' is no whole number\n"),
        (["--weights", str(DATA / "tiny.keras"), "--set", "classes=4"], "E506 "),
        (["-o", "nowhere/out.onnx"], "E110 cannot write 'nowhere/out.onnx': "),
        (["-o", "out.keras"], "E415 'out.keras' is no name of an ONNX file\n"),
    ],
)
def test_an_export_that_fails_leaves_nothing(here, options, text):
    assert refusal("export", TINY, "-o", "out.onnx", *options).startswith(text)
    assert list(here.iterdir()) == []


def test_the_schema_is_printed_and_written(here):
    text = printed("schema")
    assert json.loads(text) == archspec.json_schema()
    assert printed("schema", "-o", "schema.json") == ""
    assert (here / "schema.json").read_text(encoding="utf-8") == text
    assert refusal("schema", "-o", "nowhere/schema.json") == (
        "E110 cannot write 'nowhere/schema.json': No such file or directory\n"
        "   make the folder 'nowhere' first\n"
    )


@pytest.mark.keras
def test_a_spec_is_compiled_to_a_file_of_each_kind(here):
    assert printed("compile", TINY, "-o", "tiny.keras", "--set", "classes=4") == (
        "tiny → tiny.keras: 1,068 parameters, 20,896 MACs\n"
        "weights: the initializers of the spec, untrained\n"
    )
    assert printed("compile", TINY, "-o", "tiny.safetensors", "--weights", "random:7") == (
        "tiny → tiny.safetensors: 1,059 parameters, 20,888 MACs\nweights: random:7, untrained\n"
    )
    stored = str(DATA / "tiny.keras")
    assert printed("compile", TINY, "-o", "saved", "--weights", stored).splitlines()[1] == (
        f"weights: {stored}: 47 arrays, names of archspec"
    )
    assert (here / "saved" / "saved_model.pb").is_file()
    again = printed("export", TINY, "-o", "a.onnx", "--weights", "tiny.safetensors", "--no-check")
    other = printed("export", TINY, "-o", "b.onnx", "--weights", stored, "--no-check")
    assert again.splitlines()[-1] == other.splitlines()[-1]
    refused = refusal("compile", TINY, "-o", "tiny.onnx")
    assert refused.startswith("E403 cannot save a model as 'tiny.onnx'\n")
    assert refusal("compile", TINY, "-o", "nowhere/a.keras").startswith("E110 cannot write ")


@pytest.mark.keras
def test_an_export_goes_by_way_of_tf2onnx(here):
    lines = exported(TINY, "-o", "tiny.onnx", "--via", "tf2onnx", "--opset", "15")
    assert lines[2] == f"{CHECKED.replace('the reference', 'Keras')}1 and 3"
    assert (here / "tiny.onnx").is_file()
