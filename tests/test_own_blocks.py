"""Blocks of a user's own on the command line: `--blocks FILE`."""

import json
import sys
from pathlib import Path

import archspec
import pytest
from archspec import Block
from archspec.blocks import from_file
from tests.commands import printed, refusal, run

SQUEEZE = '''\
"""A convolution to a share of the channels: `conv`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from archspec import Block, Builder
from archspec.ops import Convolution
from archspec.parameters import integer, parameter, ratio


@dataclass(frozen=True, kw_only=True, slots=True)
class Squeeze:
    """Narrow by a share.

    More is not said here.
    """

    ONE_OF: ClassVar = (("share", "channels"),)

    share: float = parameter(ratio(1), "of the channels that stay")
    channels: int | None = parameter(integer(1, 64), "instead of share", None, count=True)


def unfold(build: Builder, x: str, p: Squeeze) -> str:
    width = build.shape(x)[-1]
    narrow = p.channels or build.width("share", width, p.share, None, "rounding")
    if narrow == width:
        raise build.error("E302", f"{width} channels are not narrowed", "share")
    return build.add("conv", Convolution((1, 1), channels=narrow), x)


BLOCK = Block(Squeeze, unfold)
'''
SPEC = """\
archspec: 1
name: net
input: 8
classes: 2
stem:
  - {block: conv, channels: 4, kernel: 1}
  - {block: squeeze, share: 1/2}
head:
  - {block: global_pool}
  - {block: classifier}
"""
NET = ("net.yaml", "--blocks", "squeeze.py")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    """A folder with a block and a spec that names it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "squeeze.py").write_text(SQUEEZE, encoding="utf-8")
    (tmp_path / "net.yaml").write_text(SPEC, encoding="utf-8")
    return tmp_path


# What every command does with it


def test_a_spec_of_the_block_is_shown_and_explained():
    lines = printed("show", *NET).splitlines()
    assert [line.split() for line in lines[2:4]] == [
        [
            *("stem.conv", "conv", "1", "channels", "4,", "kernel", "1", "8x8x3", "8x8x4"),
            *("16", "768", "1.75", "KiB", "1", "1"),
        ],
        [
            *("stem.squeeze", "squeeze", "1", "share", "1/2", "8x8x4", "8x8x2"),
            *("8", "512", "1.50", "KiB", "1", "1"),
        ],
    ]
    assert printed("explain", *NET, "stem.squeeze", "--format", "csv").splitlines() == [
        "path,value,said by,where,how",
        "stem.squeeze.share,0.5,row,net.yaml:7:29,1/2",
        "stem.squeeze.share,2,the block,,4 x 0.5 = 2",
    ]
    assert (
        "  stem.squeeze.conv = convolution kernel=[1, 1] channels=2 (stem.conv.conv) : 8x8x2"
        in (printed("show", *NET, "--graph").splitlines())
    )


def test_a_spec_of_the_block_is_checked_by_its_parameters_and_its_own_words(here):
    assert printed("check", *NET) == "net.yaml: fine\n"
    text = SPEC.replace("share: 1/2", "share: 2, shar: 1")
    (here / "net.yaml").write_text(text, encoding="utf-8")
    assert run("check", *NET, status=1).stdout == (
        "net.yaml:7:29: E105 'share' is 2; wanted: a number over 0 up to 1, or a fraction such as"
        " 1/12\n"
        "    7 |   - {block: squeeze, share: 2, shar: 1}\n"
        "      |                             ^\n"
        "net.yaml:7:32: E104 unknown parameter 'shar' of block 'squeeze'\n"
        "    7 |   - {block: squeeze, share: 2, shar: 1}\n"
        "      |                                ^^^^\n"
        "   did you mean 'share'?\n"
    )
    assert refusal("show", *NET, "--set", "stem.squeeze.shar=1").startswith(
        "net.yaml:7:29: E105 'share' is 2"
    )
    (here / "net.yaml").write_text(SPEC.replace("1/2", "1"), encoding="utf-8")
    assert run("check", *NET, status=1).stdout == (
        "net.yaml:7:29: E302 stem.squeeze: 4 channels are not narrowed\n"
        "    7 |   - {block: squeeze, share: 1}\n"
        "      |                             ^\n"
    )


def test_a_spec_of_the_block_comes_out_of_the_file_that_was_exported(here):
    printed("export", *NET, "-o", "net.onnx")
    assert refusal("new", "again", "--from", "net.onnx").startswith("net.onnx:1:")
    lines = printed("new", "again", "--from", "net.onnx", "--blocks", "squeeze.py").splitlines()
    assert lines[1] == "  archspec check again.yaml --blocks squeeze.py"
    assert printed("check", "again.yaml", "--blocks", "squeeze.py") == "again.yaml: fine\n"
    graph = printed("show", *NET, "--graph").splitlines()
    assert printed("show", "again.yaml", *NET[1:], "--graph").splitlines()[1:] == graph[1:]
    assert '"squeeze"' in (here / "archspec.schema.json").read_text(encoding="utf-8")


def test_without_the_file_the_block_is_unknown():
    for command in ("show", "explain", "verify"):
        assert refusal(command, "net.yaml").startswith(
            "net.yaml:7:13: E112 unknown block 'squeeze'\n"
        )
    assert run("check", "net.yaml", status=1).stdout.startswith("net.yaml:7:13: E112 ")


def test_a_count_of_the_block_is_scaled_as_others_are(here):
    (here / "net.yaml").write_text(SPEC.replace("share: 1/2", "channels: 3"), encoding="utf-8")
    lines = printed("show", *NET, "--set", "scaling.width=2", "--format", "csv").splitlines()
    assert lines[2].startswith("stem.squeeze,squeeze,1,channels 6,8x8x8,8x8x6,48,48,0,3072,6144,")


def test_parameters_that_exclude_each_other_are_said():
    assert refusal("show", *NET, "--set", "stem.squeeze.channels=3").startswith(
        "--set stem.squeeze.channels:1:1: E205 'share' and 'channels' exclude each other\n"
    )


def test_a_spec_of_the_block_is_exported(here):
    import onnx

    lines = printed("export", *NET, "-o", "net.onnx").splitlines()
    assert lines[0] == "net → net.onnx: opset 17, 5 nodes, 0.0 MB"
    assert lines[2].startswith("checked: ONNX Runtime is within ")
    nodes = onnx.load(here / "net.onnx").graph.node
    assert "stem.squeeze.conv" in [node.name for node in nodes]


@pytest.mark.keras
def test_a_spec_of_the_block_is_compiled(here):
    assert printed("compile", *NET, "-o", "net.keras") == (
        f"net → net.keras: {16 + 8 + 6} parameters, {768 + 512 + 4:,} MACs\n"
        "weights: the initializers of the spec, untrained\n"
    )
    assert (here / "net.keras").is_file()


def test_the_schema_knows_the_block(here):
    schema = json.loads(printed("schema", "--blocks", "squeeze.py"))
    assert schema == archspec.json_schema(blocks={**archspec.BLOCKS, **from_file("squeeze.py")})
    share = schema["definitions"]["block_squeeze"]["properties"]["share"]
    assert share["description"] == "of the channels that stay"
    assert "block_squeeze" not in printed("schema")
    assert printed("schema", "--blocks", "squeeze.py", "-o", "schema.json") == ""
    assert json.loads((here / "schema.json").read_text(encoding="utf-8")) == schema


BOTH = """\
from dataclasses import dataclass

from archspec import Block
from archspec.ops import Add, Multiply


@dataclass(frozen=True, kw_only=True, slots=True)
class Both:
    'The sum and the product.'


def unfold(build, values, p):
    product = build.add("product", Multiply(), *values[:2])
    return {"sum": build.add("sum", Add(), *values), "product": product}


BLOCK = Block(Both, unfold, several=True)
"""
TWO = """\
archspec: 1
name: net
input: 8
stages:
  - {block: conv, channels: 4, kernel: 3}
  - {block: conv, channels: 4, kernel: 3}
  - {block: both, inputs: [s1, s2]}
"""


def test_a_block_may_read_several_values_and_give_several(here):
    (here / "both.py").write_text(BOTH, encoding="utf-8")
    blocks = {**archspec.BLOCKS, **from_file("both.py")}

    def graph(more: str) -> archspec.Graph:
        (here / "two.yaml").write_text(TWO + more, encoding="utf-8")
        return archspec.to_graph(archspec.load("two.yaml", blocks=blocks))

    both = graph("")
    assert both.outputs == {"sum": "s3.1.sum", "product": "s3.1.product"}
    assert both.named["s3.1.sum"].inputs == ("s1.1.conv", "s2.1.conv")
    with pytest.raises(archspec.SpecError) as caught:
        graph("  - {block: both}\n")
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.message, problem.hint) == (
        *("E303", "stages.s4: the row before gives several values"),
        "say 'inputs'",
    )
    tapped = graph(
        "  - {block: conv, channels: 2, kernel: 1, inputs: s3}\noutputs: {x: s4, y: s3.1.product}\n"
    )
    assert tapped.named["s4.1.conv"].inputs == ("s3.1.sum",)
    assert tapped.outputs == {"x": "s4.1.conv", "y": "s3.1.product"}


def test_the_blocks_are_listed_with_it():
    before = json.loads(printed("blocks", "--format", "json"))
    after = json.loads(printed("blocks", "--blocks", "squeeze.py", "--format", "json"))
    assert [record["block"] for record in before] == list(archspec.BLOCKS)
    assert after == [*before, {"block": "squeeze", "what it is": "Narrow by a share."}]
    assert all(record["what it is"].endswith(".") for record in after)


def test_the_parameters_of_a_block_are_listed():
    assert printed("blocks", "squeeze", "--blocks", "squeeze.py", "--format", "csv") == (
        "parameter,value,default,meaning\n"
        'share,"a number over 0 up to 1, or a fraction such as 1/12",required,of the channels that'
        " stay\n"
        'channels,"a whole number from 1 to 64, or none",none,instead of share\n'
    )
    records = {
        record["parameter"]: record
        for record in json.loads(printed("blocks", "inverted_residual", "--format", "json"))
    }
    assert records["kernel"]["default"] == "3"
    assert records["depthwise"]["default"] == "groups none, group_width none"
    assert records["expansion"]["default"] == "required"
    assert refusal("blocks", "squeze", "--blocks", "squeeze.py") == (
        "E112 unknown block 'squeze'\n   did you mean 'squeeze'?\n"
    )


def test_several_files_are_several_blocks_and_the_last_of_a_name_is_taken(here):
    (here / "more").mkdir()
    text = SQUEEZE.replace("Narrow by a share.", "Another one.")
    (here / "more" / "squeeze.py").write_text(text, encoding="utf-8")
    (here / "tighten.py").write_text(SQUEEZE, encoding="utf-8")
    given = ("--blocks", "squeeze.py", "--blocks", "tighten.py", "--blocks", "more/squeeze.py")
    lines = printed("blocks", *given, "--format", "csv").splitlines()
    assert lines[-2:] == ["squeeze,Another one.", "tighten,Narrow by a share."]
    (here / "both.yaml").write_text(
        SPEC.replace("head:", "  - {block: tighten, share: 1/2}\nhead:"), encoding="utf-8"
    )
    assert printed("check", "both.yaml", *given) == "both.yaml: fine\n"


def test_a_file_called_like_a_block_takes_its_place(here):
    (here / "conv.py").write_text(SQUEEZE, encoding="utf-8")
    (here / "net.yaml").write_text(SPEC.replace("block: squeeze", "block: conv"), encoding="utf-8")
    assert "E104 unknown parameter 'kernel' of block 'conv'" in (
        run("check", "net.yaml", "--blocks", "conv.py", status=1).stdout
    )
    assert printed("check", "mobilenet_v2:1.4") == "mobilenet_v2:1.4: fine\n"
    assert archspec.BLOCKS["conv"].parameters.__name__ == "Conv"


def test_a_file_shadows_no_module(here):
    (here / "numpy.py").write_text(SQUEEZE, encoding="utf-8")
    before = sys.modules.get("numpy")
    assert list(from_file("numpy.py")) == ["numpy"]
    assert sys.modules.get("numpy") is before


# What is no block


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("net.yaml", SPEC, "'net.yaml' is no Python file\n   its name ends with .py"),
        ("block", SQUEEZE, "'block' is no Python file\n   its name ends with .py"),
        ("none.py", None, "cannot read 'none.py': No such file or directory"),
        ("a\0b.py", None, "'a\\x00b.py' fails: ValueError: "),
        ("bad.py", "x = (", "'bad.py' fails: SyntaxError: '(' was never closed (bad.py, line 1)"),
        ("bad.py", "x = 1 / 0", "'bad.py' fails: ZeroDivisionError: division by zero"),
        ("bad.py", "import nowhere", "'bad.py' fails: ModuleNotFoundError: No module named 'nowhere'"),
        ("bad.py", "open('nowhere')", "cannot read 'bad.py': No such file or directory"),
        ("bad.py", "raise SystemExit(3)", "'bad.py' fails: SystemExit: 3"),
        ("bad.py", "", "'bad.py' has no BLOCK of class archspec.Block\n   as in BLOCK = Block(Parameters, unfold)"),
        ("bad.py", "BLOCK = 3", "'bad.py' has no BLOCK of class archspec.Block\n   as in BLOCK = Block(Parameters, unfold)"),
        ("bad.py", "from archspec import Block\nBLOCK = Block(int, print)", "'bad.py' fails: TypeError: the parameter class <class 'int'> is no dataclass"),
        ("bad.py", "from archspec import Block\nBLOCK = Block()", "'bad.py' fails: TypeError: Block.__init__() missing 2 required positional arguments: 'parameters' and 'unfold'"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "command", [["check", "net.yaml"], ["blocks"], ["schema"], ["show", "net.yaml"]]
)
def test_what_is_no_block_is_refused(here, command, name, text, message):
    if text is not None:
        (here / name).write_text(text, encoding="utf-8")
    assert refusal(*command, "--blocks", name).startswith(f"E120 {message}")


def test_a_folder_is_no_block(here):
    (here / "folder.py").mkdir()
    assert refusal("blocks", "--blocks", "folder.py") == (
        "E120 cannot read 'folder.py': Is a directory\n"
    )


def test_a_block_that_gives_no_value_is_said(here):
    text = SQUEEZE.replace("return build.add", "build.add")
    (here / "squeeze.py").write_text(text, encoding="utf-8")
    assert refusal("show", *NET) == (
        "net.yaml:7:5: E302 stem.squeeze: block 'squeeze' gives None, which is no value\n"
        "    7 |   - {block: squeeze, share: 1/2}\n"
        "      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "   its unfold returns what build.add or build.part gave\n"
    )


def test_a_parameter_class_is_a_dataclass():
    with pytest.raises(TypeError, match="the parameter class <class 'str'> is no dataclass"):
        Block(str, print)
