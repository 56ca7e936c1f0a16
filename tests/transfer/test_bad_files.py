"""Files that are no use: refused with what is wrong and, where it is known, on which line."""

import pytest

from config_service.entries.transfer.formats import FORMATS, MAX_FILE_BYTES, format_of_file, read_file
from config_service.errors import Invalid, TooLarge

BOMB = "a: &a [x, x, x]\n" + "".join(
    f"{n}: &{n} [*{p}, *{p}, *{p}]\n" for p, n in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("json", '{\n"a": 1,\n}', "line 3 column 1"),
        ("json", "[1]", "the file must hold names with values"),
        ("json", '{"a": 1, "a": 2}', "the name 'a' occurs twice"),
        ("json", '{"a": NaN}', "NaN is not JSON"),
        ("json", '{"a": 1e999}', "too large"),
        ("json", '{"a": "\\ud800"}', "lone surrogate"),
        ("json", '{"a": ' + "9" * 5000 + "}", "a whole number has at most 4300 digits"),
        ("json", '{"a": ' + "[" * 100_000, "nested deeper"),
        ("json", "", "not JSON"),
        ("json", '{"$format": 2, "entries": {}}', "$format 2 is not known"),
        ("json", '{"$format": 1, "values": {}}', "'values' is not known beside $format"),
        ("json", '{"$format": 1, "entries": {}, "types": {"a": "string"}}', "types names 'a', which is no entry"),
        ("json", '{"$format": 1, "entries": {"a": 1}, "sealed": {"a": {}}}', "'a' is among the entries too"),
        ("json", '{"$format": 1, "entries": []}', "entries must hold names with values"),
        ("json", '{"$format": 1, "revision": "x"}', "revision must be a number"),
        ("json", '{"$format": 1, "secrets": "x"}', "secrets is 'omitted' or left out"),
        ("yaml", "a: 1\nb: [1\nc: 2", "line 3: not YAML"),
        ("yaml", "a: 1\nb: 2\na: 3", "line 3: the name 'a' occurs twice"),
        ("yaml", "a: 1\nb: &x 2\nc: *x", "line 3: the alias *x is not followed"),
        ("yaml", BOMB, "is not followed"),
        ("yaml", "a: !!python/object/apply:os.system [ls]", "line 1: the tag"),
        ("yaml", "a: !x 1", "line 1: the tag !x is not read"),
        ("yaml", "a:\n  ? [1]\n  : 2", "line 2: a name is text"),
        ("yaml", "a: .nan", "line 1: .nan is no number"),
        ("yaml", "a: 1\nb: 1e999", "line 2: the number 1e999 is too large"),
        ("yaml", "a: " + "9" * 5000, "line 1: the number 9999"),
        ("yaml", "a: " + "[" * 100 + "]" * 100, "line 1: nested deeper than 64 levels"),
        ("yaml", "a: 1\n---\nb: 2", "line 2: one document"),
        ("yaml", "a: 1\nb: \x07", "not YAML"),
        ("yaml", "- a", "the file must hold names with values"),
        ("yaml", "", "the file must hold names with values"),
        ("toml", "a = 1\nb = \n", "line 2: not TOML"),
        ("toml", "a = 1\na = 2", "line 2: not TOML"),
        ("toml", "a = 2026-01-01", "a: a date or a time is written in quotes"),
        ("toml", "[a]\nb = [{c = 12:00:00}]", "a.b.c: a date or a time is written in quotes"),
        ("toml", "a = inf", "a: inf is no number"),
        ("toml", "a = " + "[" * 100_000, "not TOML"),
        ("toml", "a." * 100_000 + "a = 1", "not TOML"),
        ("toml", '"$format" = 1\n[json]\na = "{"', "[json] a: not JSON"),
        ("toml", '"$format" = 1\n[entries]\na = 1\n[json]\na = "1"', "[json] a: must be JSON text"),
        ("env", "A=1\n\n\nB\n", "line 4: B has no '='"),
        ("env", "A=1\nB='x\n", "line 2: neither a comment nor NAME=VALUE"),
        ("env", "A=1\n=2\n", "line 2: neither a comment nor NAME=VALUE"),
        ("env", "A=1\n\nA=2\n", "line 3: 'A' occurs twice"),
        ("env", '#: {"$format": 1}\n#: {"type": "integer"}\nA=x\n', "line 3: A: not JSON"),
        ("env", '#: {"$format": 1}\n#: {"typ": "integer"}\nA=1\n', "line 2: #: says 'typ'"),
        ("env", '#: {"$format": 9}\nA=1\n', "$format 9 is not known"),
        ("properties", "a=1\n\n# x\na: 2\n", "line 4: 'a' occurs twice"),
        ("properties", "a=1\r\nb=\\u12\r\n", "line 2: "),
        ("properties", '#: {"$format": 1}\n#: {"type": "json"}\na={\\\n  x\n', "line 3: a: not JSON"),
    ],
)
def test_what_is_wrong_is_said(name: str, text: str, complaint: str) -> None:
    with pytest.raises(Invalid) as failed:
        read_file(FORMATS[name], text.encode("utf-8", "surrogatepass"))
    assert complaint in str(failed.value) and len(str(failed.value)) < 300


@pytest.mark.parametrize("name", FORMATS)
def test_broken_utf_8_is_found_with_its_line(name: str) -> None:
    with pytest.raises(Invalid, match="line 3: not UTF-8: invalid start byte at byte 8"):
        read_file(FORMATS[name], b"a=1\nb=2\n\xff")


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_has_a_limit(name: str) -> None:
    with pytest.raises(TooLarge):
        read_file(FORMATS[name], b" " * (MAX_FILE_BYTES + 1))


@pytest.mark.parametrize("name", FORMATS)
def test_the_mark_of_byte_order_is_no_part_of_the_first_name(name: str) -> None:
    text = {"json": '{"a": 1}', "yaml": "a: 1"}.get(name, "a=1")
    assert [item.key for item in read_file(FORMATS[name], b"\xef\xbb\xbf" + text.encode()).items] == ["a"]


def test_words_of_yaml_1_1_are_words() -> None:
    text = "a: no\nb: 1:30\nc: 2026-01-01\nd: 007\ne: 0o17\nf: ~\ng: yes\nh: 1_000\ni: 'x'\nj: true\nk: .5\n1: x\n"
    read = {item.key: item.value for item in read_file(FORMATS["yaml"], text.encode()).items}
    assert read == {
        "a": "no", "b": "1:30", "c": "2026-01-01", "d": 7, "e": 15, "f": None, "g": "yes", "h": "1_000", "i": "x",
        "j": True, "k": 0.5, "1": "x",
    }  # fmt: skip


def test_a_shell_s_environment_file_is_read_as_text() -> None:
    text = "# the port\nexport PORT=8080  # here\nNAME='it is'\nEMPTY=\nLINES=\"a\\nb\"\nHOME_=${HOME}\n"
    items = read_file(FORMATS["env"], text.encode()).items
    assert {item.key: item.value for item in items} == {
        "PORT": "8080", "NAME": "it is", "EMPTY": "", "LINES": "a\nb", "HOME_": "${HOME}",
    }  # fmt: skip
    assert all(item.text and not item.type for item in items) and [item.line for item in items] == [2, 3, 4, 5, 6]


def test_java_properties_are_read_as_java_does() -> None:
    text = "! note\na.b : 1\nlong = x \\\n   y\nuni=\\u00e9 \\uD83D\\uDE00\nempty\n"
    items = read_file(FORMATS["properties"], text.encode()).items
    assert {item.key: item.value for item in items} == {"a.b": "1", "long": "x y", "uni": "é 😀", "empty": ""}
    assert [item.line for item in items] == [2, 3, 5, 6]


def test_comments_that_look_like_ours_are_comments_in_a_file_that_is_not_marked() -> None:
    items = read_file(FORMATS["env"], b'A=1\n#: {"key": "b", "type": "integer"}\nB=2\n').items
    assert [(item.key, item.value, item.type) for item in items] == [("A", "1", ""), ("B", "2", "")]


@pytest.mark.parametrize(
    ("file", "name"),
    [("a/b.yml", "yaml"), (".env", "env"), ("x/.env.local", "env"), ("prod.env", "env"), ("a.toml", "toml"),
     ("a.properties", "properties"), ("a.json", "json"), ("a.txt", None), ("json", None)],
)  # fmt: skip
def test_a_format_is_known_by_the_name_of_the_file(file: str, name: str | None) -> None:
    found = format_of_file(file)
    assert (found.name if found else None) == name
