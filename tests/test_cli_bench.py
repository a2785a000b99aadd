"""`archspec bench`: what it prints of models that it measures."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from archspec.deploy import bench
from tests.commands import misuse, printed, refusal, run

TINY = str(Path(__file__).parent / "data" / "tiny.yaml")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    """A folder with an ONNX file, in which little time is taken for measuring."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bench, "LEAST", 1e-4)
    run("export", f"{TINY}:wide", "-o", "wide.onnx", "--no-check")
    return tmp_path


def test_models_are_measured_and_compared_with_the_first():
    text = printed("bench", TINY, f"{TINY}:wide", "--against", "wide.onnx", "--rounds", "5")
    head, rule, *lines, blank, last = text.splitlines()
    assert head.split() == ["model", "ms", "quartiles", "ratio", "its", "quartiles"]
    assert set(rule) == {"─"}
    assert [line.split()[0] for line in lines] == [TINY, f"{TINY}:wide", "wide.onnx"]
    for line in lines:
        _, ms, low, to, high, *ratios = line.split()
        assert to == "to"
        assert 0 < float(low) <= float(ms) <= float(high)
        assert all(re.fullmatch(r"\d+\.\d{3}|to", word) for word in ratios)
    assert lines[0].split()[5:] == ["1.000", "1.000", "to", "1.000"]
    assert (blank, last) == ("", "1 thread, batch 1, 5 rounds in turns")


def test_what_is_measured_is_json_and_csv():
    arguments = ["bench", "wide.onnx", TINY, "--rounds", "3", "--threads", "2", "--batch", "3"]
    records = json.loads(printed(*arguments, "--format", "json"))
    rows = list(csv.DictReader(io.StringIO(printed(*arguments, "--format", "csv"))))
    assert [record["model"] for record in records] == ["wide.onnx", TINY]
    assert [row["model"] for row in rows] == ["wide.onnx", TINY]
    words = [f"{key}_{word}" for key in ("ms", "ratio") for word in ("low", "median", "high")]
    assert list(records[0]) == list(rows[0]) == ["model", *words]
    assert [records[0][word] for word in words[3:]] == [1, 1, 1]
    assert records[1]["ms_low"] <= records[1]["ms_median"] <= records[1]["ms_high"]


def test_the_size_is_that_of_the_spec_or_the_one_that_is_said():
    import onnx

    model = onnx.load("wide.onnx")
    for info in (*model.graph.input, *model.graph.value_info):
        for dimension, name in zip(info.type.tensor_type.shape.dim[2:], "hw", strict=False):
            dimension.dim_param = name
    onnx.save(model, "any.onnx")
    any_size = ["bench", "any.onnx", "--rounds", "1"]
    assert refusal(*any_size) == (
        "E472 dimension 'h' of input 'input' of 'any.onnx' may be anything\n"
        "   --size says how high and wide an image is\n"
    )
    for size in ("40", "40x24"):
        assert "any.onnx" in printed(*any_size, "--size", size)
    text = printed("bench", TINY, "--against", "any.onnx", "--rounds", "1")
    assert "any.onnx" in text
    assert text.endswith("1 thread, batch 1, 1 round in turns\n")


def test_weights_and_settings_are_those_of_every_spec():
    quick = ["--rounds", "1", "--weights", "random:3", "--set", "input=8"]
    assert TINY in printed("bench", TINY, f"{TINY}:wide", *quick)
    assert refusal("bench", TINY, "--weights", "random:x") == (
        "E508 the seed of 'random:x' is no whole number\n   as in random:0\n"
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["no.onnx"], "E100 cannot read 'no.onnx': No such file or directory\n"),
        (["text.onnx"], "E470 'text.onnx' is no ONNX file\n"),
        (["two.onnx"], "E473 'two.onnx' takes 2 images at once, not 1\n   --batch 2\n"),
        ([TINY, "--against", "text.onnx"], "E470 'text.onnx' is no ONNX file\n"),
    ],
)
def test_what_cannot_be_measured_is_refused(here, arguments, text):
    (here / "text.onnx").write_text("a text", encoding="utf-8")
    run("export", TINY, "-o", "two.onnx", "--batch", "2", "--no-check")
    assert refusal("bench", *arguments) == text


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "Missing argument 'SPEC…'."),
        (
            [TINY, "--against", "a.yaml"],
            "Invalid value for '--against': 'a.yaml' is no .onnx file.",
        ),
        ([TINY, "--threads", "0"], "Invalid value for '--threads': 0 is not in the range"),
        ([TINY, "--batch", "0"], "Invalid value for '--batch': 0 is not in the range"),
        ([TINY, "--rounds", "0"], "Invalid value for '--rounds': 0 is not in the range"),
        (
            [TINY, "--size", "224x"],
            "Invalid value for '--size': '224x' is neither 224 nor 224x192, height and width.",
        ),
        ([TINY, "--size", "32"], "--size is about an ONNX file that takes any, not a spec."),
        (
            ["wide.onnx", "--set", "classes=4"],
            "--set, --blocks and --weights are about a spec, not an ONNX file.",
        ),
        (
            ["wide.onnx", "--weights", "random:1"],
            "--set, --blocks and --weights are about a spec, not an ONNX file.",
        ),
    ],
)
def test_a_wrong_call_is_status_2(arguments, text):
    assert misuse("bench", *arguments).startswith(f"Error: {text}")


def test_a_terminal_sees_the_progress_and_a_pipe_does_not(monkeypatch, capsys):
    from archspec.cli import run as command

    assert list(command._with_progress(range(2))) == [0, 1]  # noqa: SLF001
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert list(command._with_progress(range(2))) == [0, 1]  # noqa: SLF001
    out, err = capsys.readouterr()
    assert out == ""
    assert "measured" in err
    assert "100%" in err
