"""What a net may cost: `budget`, its units, and the check of it."""

from fractions import Fraction

import archspec
import pytest
from archspec.parameters.kinds import BYTES, COUNT
from archspec.spec import Budget
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

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
    ["4M", "4Mb", "4KB", "4 KiB", "4kiB", "4kib", "0.1KiB", "1.5B", "0B", "0.0KiB", "-1B", "1TB", 0, 0.5, "256KiBs"],
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


def test_only_the_check_asks_for_the_budget(tmp_path):
    over = spec("extends: mobilenet_v2\nbudget: {params: 1}\n", tmp_path)
    assert archspec.cost(over) == archspec.cost("mobilenet_v2")
