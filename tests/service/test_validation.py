"""What a key and a value may be."""

from datetime import UTC, datetime

import pytest

from config_service.entries import validation
from config_service.errors import Invalid, TooLarge, TypeMismatch
from config_service.texts import read_time


@pytest.mark.parametrize("key", ["a", "A.b_c-d/e", "x" * 512, "a/.b", "...", "a/b/c", "0"])
def test_good_keys(key):
    assert validation.check_key(key) == key


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "a/./b",
        "a/../b",
        "x" * 513,
        "a b",
        "é",
        "a\n",
        "a\0",
        "a:b",
        "a%2F",
        "a/history",
    ],
)
def test_bad_keys(key):
    with pytest.raises(Invalid) as caught:
        validation.check_key(key)
    assert "key" in caught.value.errors


@pytest.mark.parametrize("name", ["a", "A-b_1", "x" * 64])
def test_good_namespaces(name):
    assert validation.check_namespace(name) == name


@pytest.mark.parametrize("name", ["", "-a", "x" * 65, "a.b", "a/b", "a b", "ü", "a\n"])
def test_bad_namespaces(name):
    with pytest.raises(Invalid):
        validation.check_namespace(name)


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "NaN", "Infinity", "-Infinity", "[NaN]", "1e999", "-1e999", '{"a":1,"a":2}', '{"x":[{"b":1,"b":1}]}',
        '"\\ud800"', '["\\udfff"]', '{"\\ud800":1}', "01", "'a'", "[1,]", "tru", "1 2", "\ufeff1", "1" * 5000,
        "[" * 65 + "]" * 65, "[" * 100_000, '{"a":' * 65 + "1" + "}" * 65,
    ],
)  # fmt: skip
def test_bad_json(text):
    with pytest.raises(Invalid):
        validation.parse_json(text)


def test_a_number_that_is_too_long_is_json_all_the_same():
    with pytest.raises(Invalid, match="whole number has at most 4300 digits"):
        validation.parse_json("1" * 5000)


@pytest.mark.parametrize("data", [b'"\xff"', b'"\xed\xa0\x80"', b"\xc0\xaf"])
def test_broken_utf8(data):
    with pytest.raises(Invalid, match="UTF-8"):
        validation.parse_json(data)


@pytest.mark.parametrize(
    "text",
    [
        "null", "true", "0", "-0.0", "12345678901234567890123", "0.1", "1.0", '"\\u0000"', '"\\u001f"', '"😀é\u2028"',
        '{"b":1,"a":[{},[],""]}', "[" * 64 + "]" * 64,
    ],
)  # fmt: skip
def test_sound_json_keeps_its_text(text):
    assert validation.canonical(validation.parse_json(text.encode())) == text


def test_a_surrogate_pair_is_a_character():
    assert validation.parse_json('"\\ud83d\\ude00"') == "😀"


def test_the_limit_is_on_encoded_bytes():
    fits = "é" * ((validation.MAX_VALUE_BYTES - 2) // 2)
    assert validation.canonical(fits)
    with pytest.raises(TooLarge):
        validation.canonical(fits + "é")


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("string", ["", "x"], [1, None, True, []]),
        ("integer", [0, -5, 10**30], [True, 1.0, "1", None]),
        ("float", [0.5, 3], [True, "1", None]),
        ("boolean", [True, False], [0, 1, "true", None]),
        ("json", [None, 1, "x", {}, [True]], []),
    ],
)
def test_types(kind, good, bad):
    for value in good:
        validation.check_fits(kind, value)
    for value in bad:
        with pytest.raises(TypeMismatch):
            validation.check_fits(kind, value)


def test_times_are_read_in_utc():
    noon = datetime(2026, 5, 4, 12, tzinfo=UTC)
    assert read_time("2026-05-04T14:00:00+02:00") == read_time("2026-05-04T12:00", UTC) == noon
    assert read_time("2026-05-04T14:00:00+02:00").tzinfo is UTC


@pytest.mark.parametrize("text", ["", "soon", "2026-05-04T12:00:00", "0001-01-01T00:00:00+14:00", "2026-02-30T00:00Z"])
def test_no_times(text):
    assert read_time(text) is None
