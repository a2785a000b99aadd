"""YAML text as a tree in which every scalar knows its place."""

import pytest
from archspec.errors import SpecError
from archspec.source import MAX_BYTES, Entries, Items, Scalar, parse, plain, read
from hypothesis import given
from hypothesis import strategies as st


def scalar(text: str) -> Scalar:
    tree = parse(f"key: {text}\n", "t.yaml")
    assert isinstance(tree, Entries)
    value = tree.get("key")
    assert isinstance(value, Scalar)
    return value


def refusal(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        parse(text, "t.yaml")
    (diagnostic,) = caught.value.diagnostics
    return f"{diagnostic.span}: {diagnostic.code} {diagnostic.message}"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-7", -7),
        ("+7", 7),
        ("012", 12),  # YAML 1.1 has 10
        ("0o14", 12),
        ("0x1F", 31),
        ("1_000", "1_000"),  # 1000
        ("12:30", "12:30"),  # 750
        ("1e-3", 0.001),  # a text
        ("1.", 1.0),
        (".5", 0.5),
        ("-.5e+2", -50.0),
        ("6.02E23", 6.02e23),
        ("1e-999", 0.0),
        ("1e", "1e"),
        ("0x", "0x"),
        ("1/12", "1/12"),
        ("1x7", "1x7"),
        ("true", True),
        ("True", True),
        ("FALSE", False),
        ("tRUE", "tRUE"),
        ("no", "no"),  # false
        ("yes", "yes"),
        ("on", "on"),
        ("off", "off"),
        ("y", "y"),
        ("~", None),
        ("null", None),
        ("NULL", None),
        ("nULL", "nULL"),
        ("", None),
        ("none", "none"),
        ("2026-11-22", "2026-11-22"),  # a date
        ("=", "="),
        ("'1'", "1"),
        ('"true"', "true"),
        ('"~"', "~"),
        ('"\\x41\\u00e9\\n"', "Aé\n"),
        ("a b", "a b"),
        (".", "."),
        ("MobileNetV2(alpha=1.0)", "MobileNetV2(alpha=1.0)"),
        ("mobilenet_v2:1.4", "mobilenet_v2:1.4"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text, value):
    found = scalar(text).value
    assert (type(found), found) == (type(value), value)


@given(number=st.integers(-(10**12), 10**12))
def test_integers_are_read_as_they_are_written(number):
    assert scalar(str(number)).value == number


@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_floats_are_read_as_they_are_written(number):
    assert scalar(repr(number)).value == number


def test_every_scalar_knows_its_place():
    tree = parse("a: 1\nrows:\n  - [10, {b: 'x y'}]\n", "t.yaml")
    assert isinstance(tree, Entries)
    rows = tree.get("rows")
    assert isinstance(rows, Items)
    (row,) = rows.items
    assert isinstance(row, Items)
    ten, inner = row.items
    assert isinstance(inner, Entries)
    assert str(tree.entries["a"].key.span) == "t.yaml:1:1"
    assert str(ten.span) == "t.yaml:3:6"
    assert ten.span.text == "10"
    assert inner.span.text == "{b: 'x y'}"
    assert inner.entries["b"].value.span.text == "'x y'"
    assert row.span.text == "[10, {b: 'x y'}]"


def test_places_are_counted_in_characters_and_by_every_line_break_of_yaml():
    tree = parse("é: 1\r\nb: 2\rc: 3\u2028d: 4\x85e: x\n", "t.yaml")
    assert isinstance(tree, Entries)
    assert [str(entry.value.span) for entry in tree.entries.values()] == [
        "t.yaml:1:4",
        "t.yaml:2:4",
        "t.yaml:3:4",
        "t.yaml:4:4",
        "t.yaml:5:4",
    ]
    assert [entry.value.span.text for entry in tree.entries.values()] == ["1", "2", "3", "4", "x"]


def test_a_tree_is_plain_data_without_its_places():
    text = "a: [1, 2.5, {b: ~}]\nc: &x {d: true}\ne: *x\n"
    assert plain(parse(text, "t.yaml")) == {
        "a": [1, 2.5, {"b": None}],
        "c": {"d": True},
        "e": {"d": True},
    }


def test_a_key_is_the_text_that_stands_there():
    assert list(dict(parse("1.0: a\ntrue: b\n~: c\n", "t.yaml"))) == ["1.0", "true", "~"]


def test_aliases_stand_for_what_they_repeat():
    assert plain(parse("a: &n 16\nb: [*n, *n]\n", "t.yaml")) == {"a": 16, "b": [16, 16]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "t.yaml:1:1: E102 the file is empty"),
        ("a: !!int 1\n", "t.yaml:1:4: E103 a spec has no tags such as '!!int'"),
        ("a: ! 1\n", "t.yaml:1:4: E103 a spec has no tags such as '!'"),
        ("!!map {a: 1}\n", "t.yaml:1:1: E103 a spec has no tags such as '!!map'"),
        ("!k a: 1\n", "t.yaml:1:1: E103 a key is a word"),
        ("[a]: 1\n", "t.yaml:1:1: E103 a key is a word"),
        ("a: 1\n--- \nb: 2\n", "t.yaml:2:1: E103 a spec is one YAML document"),
        (
            "<<: {a: 1}\n",
            "t.yaml:1:1: E103 a spec has no merge keys; use 'extends' or 'defaults'",
        ),
        (
            "a: &x [*x]\n",
            "t.yaml:1:8: E103 alias '*x' stands before the end of its anchor, or has none",
        ),
        ("a: 1\na: 2\n", "t.yaml:2:1: E106 key 'a' stands twice, first in line 1"),
        ("{1: a, 1: b}\n", "t.yaml:1:8: E106 key '1' stands twice, first in line 1"),
        ("a: .NaN\n", "t.yaml:1:4: E109 .NaN is not a number that a spec can hold"),
        ("a: +.INF\n", "t.yaml:1:4: E109 +.INF is not a number that a spec can hold"),
        ("a: -1e400\n", "t.yaml:1:4: E109 -1e400 is too large a number"),
        ("a: " + "9" * 33 + "\n", "t.yaml:1:4: E109 a number has at most 32 characters"),
        ("a: \x00\n", "t.yaml:1:4: E101 character U+0000 is not allowed in YAML"),
        ("a: \ud800\n", "t.yaml:1:4: E101 character U+D800 is not allowed in YAML"),
    ],
)
def test_what_a_table_has_no_use_for_is_refused_with_its_place(text, message):
    assert refusal(text) == message


def test_two_values_of_one_look_and_two_types_are_two_keys():
    assert list(dict(parse("'1': a\n1.0: b\n", "t.yaml"))) == ["1", "1.0"]
    assert refusal("'1': a\n1: b\n") == "t.yaml:2:1: E106 key '1' stands twice, first in line 1"


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_nesting_has_an_end(opening):
    assert "E107 nested deeper than 32 levels" in refusal("a:\n  " + opening * 40)


def test_aliases_do_not_nest_deeper_than_the_file():
    levels = "".join(f"  - &a{n + 1} [*a{n}]\n" for n in range(40))
    assert "E107 nested deeper than 32 levels" in refusal(f"a:\n  - &a0 [1]\n{levels}")


def test_values_have_an_end_however_they_are_repeated():
    assert "E107 more than 100000 values" in refusal("a: [" + "1, " * 100_001 + "1]")
    tens = "".join(
        f"  - &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdef", "bcdefg", strict=True)
    )
    assert "E107 aliases expand to more than 100000 values" in refusal(f"x:\n  - &a [1]\n{tens}")


def test_a_spec_has_at_most_one_mebibyte(tmp_path):
    path = tmp_path / "large.yaml"
    path.write_bytes(b"a: 1\n" + b"#" * (MAX_BYTES - 5))
    assert plain(read(path, "large.yaml")) == {"a": 1}
    path.write_bytes(path.read_bytes() + b"#")
    with pytest.raises(SpecError, match=r"^large\.yaml:1:1: E107 a spec has at most 1 MiB$"):
        read(path, "large.yaml")


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    path = tmp_path / "marked.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert plain(read(path, "marked.yaml")) == {"a": 1}


def test_bytes_that_are_not_utf_8_are_shown_where_they_stand(tmp_path):
    path = tmp_path / "latin.yaml"
    path.write_bytes("a: 1\nb: é".encode("latin-1"))
    with pytest.raises(SpecError, match=r"^latin\.yaml:2:4: E101 byte 0xe9 is not UTF-8\n"):
        read(path, "latin.yaml")


def test_a_folder_and_a_missing_file_cannot_be_read(tmp_path):
    with pytest.raises(SpecError, match=r"^E100 cannot read 'here': is a folder$"):
        read(tmp_path, "here")
    with pytest.raises(SpecError, match=r"^E100 cannot read 'gone': there is no such file$"):
        read(tmp_path / "gone.yaml", "gone")


def test_nothing_in_a_spec_is_evaluated():
    assert plain(parse("a: __import__('os').system('true')\n", "t.yaml")) == {
        "a": "__import__('os').system('true')"
    }
