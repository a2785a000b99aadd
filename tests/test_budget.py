"""What a net may cost: `budget`, its units, and the check of it."""

from decimal import Decimal
from fractions import Fraction

import archspec
import pytest
from archspec.parameters.kinds import BYTES, COUNT
from archspec.spec import Budget
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from tests.commands import printed, run

UNITS = {
    "K": 10**3, "M": 10**6, "G": 10**9,
    "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30,
}  # fmt: skip


def fits(kind, value) -> bool:
    return Draft7Validator(kind.schema).is_valid(value)


@pytest.mark.parametrize(
    ("kind", "said", "number"),
    [
        (COUNT, 4_000_000, 4_000_000),
        (COUNT, 4e6, 4_000_000),
        (COUNT, "4M", 4_000_000),
        (COUNT, "3.4M", 3_400_000),
        (COUNT, "0.001K", 1),
        (COUNT, "1.000000001G", 1_000_000_001),
        (BYTES, 7, 7),
        (BYTES, "7B", 7),
        (BYTES, "256KiB", 262_144),
        (BYTES, "1.5MiB", 1_572_864),
        (BYTES, "0.25KiB", 256),
        (BYTES, "1.0MiB", 1 << 20),
        (BYTES, "2.500GiB", 5 << 29),
        (BYTES, "0.125KiB", 128),
        (BYTES, "1.5MB", 1_500_000),
        (BYTES, "2kB", 2_000),
        (BYTES, "1GiB", 1 << 30),
    ],
)
def test_a_number_with_its_unit(kind, said, number):
    assert fits(kind, said)
    assert kind.read(said) == number


@pytest.mark.parametrize(
    "said",
    ["4m", "4 M", "M", "4MB", "4.M", ".5M", "4Mi", "1.0005K", "0", "0K", "0.0M", "-4M", "4M\n", 0, -1, 1.5, True, "4e6", "4k"],
)  # fmt: skip
def test_what_is_no_count(said):
    assert not fits(COUNT, said)


@pytest.mark.parametrize(
    "said",
    ["4M", "4Mb", "4KB", "4 KiB", "4kiB", "4kib", "0.1KiB", "1.1MiB", "1.0625KiB", "1.5B", "0B", "0.0KiB", "-1B", "1TB", 0, 0.5, "256KiBs"],
)  # fmt: skip
def test_what_is_no_number_of_bytes(said):
    assert not fits(BYTES, said)


@given(
    whole=st.integers(0, 10**6),
    part=st.text("0123456789", max_size=10),
    unit=st.sampled_from([*UNITS, "m", "k", "Kb", "mb", "TB", ""]),
)
def test_whatever_is_taken_comes_out_whole_and_exact(whole, part, unit):
    said = f"{whole}.{part}{unit}" if part else f"{whole}{unit}"
    for kind in (COUNT, BYTES):
        if fits(kind, said):
            number = Fraction(f"{whole}.{part}" if part else whole) * UNITS[unit]
            assert number >= 1
            assert kind.read(said) == number


@given(
    thousandths=st.integers(1, 10**6),
    places=st.integers(0, 3),
    unit=st.sampled_from(["kB", "MB", "GB", "KiB", "MiB", "GiB"]),
)
def test_bytes_of_three_places_are_taken_just_where_they_come_out_whole(thousandths, places, unit):
    said = f"{Decimal(thousandths) / 1000:.{places}f}{unit}"
    number = Fraction(said.removesuffix(unit)) * UNITS[unit]
    assert fits(BYTES, said) == (number.denominator == 1 and number > 0)
    if fits(BYTES, said):
        assert BYTES.read(said) == number


def spec(text, tmp_path, name="net"):
    path = tmp_path / f"{name}.yaml"
    path.write_text(f"archspec: 1\nname: {name}\n{text}", encoding="utf-8")
    return str(path)


def test_a_budget_is_inherited_field_by_field_and_set_by_its_path(tmp_path):
    spec("extends: mobilenet_v2\nbudget: {params: 4M, macs: 300M}\n", tmp_path, "parent")
    child = spec(
        "extends: parent.yaml\nbudget: {macs: none, weights: 4MB, precision: int8}\n", tmp_path
    )
    assert archspec.load(child).budget == Budget(4_000_000, weights=4_000_000, precision="int8")
    assert archspec.load(child, set={"budget.params": "2.5K"}).budget.params == 2_500
    assert archspec.load(child, set={"budget": "none"}).budget is None
    assert archspec.load("mobilenet_v2").budget is None


def test_a_budget_stays_in_the_document(tmp_path):
    first = spec("extends: mobilenet_v2\nbudget: {params: 4M, peak_memory: 6MiB}\n", tmp_path)
    assert archspec.load(first).document["budget"] == {"params": "4M", "peak_memory": "6MiB"}


def test_what_costs_just_as_much_as_it_may_is_fine(tmp_path):
    cost = archspec.cost("mobilenet_v2", precision="int8")
    limits = {
        "params": cost.params, "macs": cost.macs, "peak_memory": cost.peak_memory,
        "weights": cost.weights.int8,
    }  # fmt: skip
    said = ", ".join(f"{name}: {limit}" for name, limit in limits.items())
    fine = spec(f"extends: mobilenet_v2\nbudget: {{{said}, precision: int8}}\n", tmp_path)
    assert archspec.check(fine) == ()
    for name, limit in limits.items():
        said = f"{{{name}: {limit - 1}, precision: int8}}"
        over = spec(f"extends: mobilenet_v2\nbudget: {said}\n", tmp_path)
        (found,) = archspec.check(over)
        assert found.code == "E216"
        assert found.message.startswith(f"{limit:,} ")
        assert found.message.endswith(f"; the budget is {limit - 1:,}")


def test_the_rows_that_are_named_cost_most(tmp_path):
    (found,) = archspec.check(spec("extends: mobilenet_v2\nbudget: {params: 1M}\n", tmp_path))
    most = sorted(archspec.cost("mobilenet_v2"), key=lambda row: -row.params)[:3]
    assert [note.message for note in found.notes] == [f"{row.row} {row.params:,}" for row in most]


def test_a_row_that_costs_nothing_is_not_named(write):
    rows = "stem: [{block: conv, channels: 4, kernel: 3}]\nhead: [{block: flatten}]\n"
    (found,) = archspec.check(write(f"budget: {{params: 7}}\n{rows}"))
    assert found.message == "112 parameters; the budget is 7"
    assert [note.message for note in found.notes] == ["stem.conv 112"]


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ("budget: 1M", "1M"),
        ("budget: {params: 1.5M, macs: 1G}", "1.5M"),
        ("change: {budget.params: 2M}", "2M"),
    ],
)
def test_the_budget_is_shown_where_it_is_said(tmp_path, said, place):
    (found,) = archspec.check(spec(f"extends: mobilenet_v2\n{said}\n", tmp_path))
    assert found.span.text == place


def test_a_variant_that_is_asked_for_is_held_to_its_budget_alone(tmp_path):
    variants = "variants: {small: {scaling: {width: 0.35}}, wide: {scaling: {width: 1.4}}}"
    path = spec(f"extends: mobilenet_v2\nbudget: {{params: 4M}}\n{variants}\n", tmp_path)
    assert archspec.check(f"{path}:small") == ()
    (found,) = archspec.check(f"{path}:wide")
    assert found.message == "6,156,712 parameters; the budget is 4,000,000"
    assert [note.message for note in found.notes] == [
        "head.classifier 1,793,000", "stages.s6 1,560,240", "stages.s7 927,808",
    ]  # fmt: skip


def test_many_variants_over_the_budget_are_all_tried(write):
    classes = [2 + number // 4 for number in range(200)]
    said = "".join(f"  v{number}: {{classes: {count}}}\n" for number, count in enumerate(classes))
    stem = "stem: [{block: conv, channels: 8, kernel: 3, bias: true, norm: none}]\n"
    head = "head: [{block: global_pool}, {block: classifier}]\n"
    found = archspec.check(write(f"budget: 1\nclasses: 2\n{stem}{head}variants:\n{said}"))
    # Of variants with the same number the first is told; those of 2 classes have the file's own.
    assert [(item.code, item.message, item.notes[-1].message) for item in found[1:]] == [
        ("E216", f"{224 + 9 * count} parameters; the budget is 1", f"in variant 'v{4 * count - 8}'")
        for count in range(3, 52)
    ]
    assert found[0].message == "242 parameters; the budget is 1"


def test_what_has_no_budget_is_not_costed(tmp_path, monkeypatch):
    def costed(*_graph, **_options):
        raise AssertionError("costed")

    monkeypatch.setattr("archspec.backends.cost.emit", costed)
    assert archspec.check("mobilenet_v2") == ()
    with pytest.raises(AssertionError, match="costed"):
        archspec.check(spec("extends: mobilenet_v2\nbudget: 4M\n", tmp_path))


def test_a_budget_comes_back_from_an_exported_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = "{params: 3.6M, peak_memory: 256KiB, weights: 9000000, precision: int8}"
    first = archspec.load(spec(f"extends: mobilenet_v2\nbudget: {said}\n", tmp_path))
    archspec.export(first, "net.onnx", check=False)
    printed("new", "again", "--from", "net.onnx")
    again = archspec.load("again.yaml")
    assert again.budget == first.budget == Budget(3_600_000, None, 262_144, 9_000_000, "int8")
    assert again.document["budget"] == first.document["budget"]


def test_only_the_check_asks_for_the_budget(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    over = spec("extends: mobilenet_v2\nbudget: {params: 1}\n", tmp_path)
    assert archspec.cost(over) == archspec.cost("mobilenet_v2")
    assert (
        "E216 3,538,984 parameters; the budget is 1\n" in run("check", "net.yaml", status=1).stdout
    )
    assert "3,504,872" in printed("show", "net.yaml")
    printed("export", "net.yaml", "-o", "net.onnx", "--no-check")
