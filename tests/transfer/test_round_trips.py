"""Whatever a namespace holds comes back from every format as it was: types, nesting, characters, empty values."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from config_service.entries.transfer.documents import Document, Header, Item
from config_service.entries.transfer.formats import FORMATS, read_file
from config_service.entries.validation import canonical, infer_type

SEALED = {"sealed": 1, "key_id": "k1", "nonce": "AAAAAAAAAAAAAAAA", "data": "c2VhbGVk"}

STRANGE = [
    *["", " ", "\n", "a\nb", "a\nb\n", "a\n\n", " a\n b", "no", "null", "~", "1", "1.0", "1e3", "0o7", "2026-01-01"],
    *["a: b", "a #b", "${HOME}", "$(x)", "it's", '"', "'", "''", "\\", "a\\", "\\'", "#: {}", "<<", "- a", "[", "{}"],
    *["&a", "*a", "!t", "%", "@", "`", "---", "...", "\r\n", "\t", "\x85", "\u2028", "\ufeff", "\x7f", "\0", "😀"],
    *["|", "1:30"],
]
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(STRANGE)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([2**63, -(2**63), 2**64])
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
segments = st.text("abzAZ019._-", min_size=1, max_size=8).filter(lambda text: text not in (".", ".."))
keys = st.lists(segments, min_size=1, max_size=3).map("/".join) | st.sampled_from(
    ["true", "null", "no", "1", "1.5", "-", "a.b", "a-b", "a_b", "A_B", "PATH", "0", "entries", "---", "1e3", "0x1f"]
)
comments = st.just("") | texts
expiries = st.sampled_from(["", "2031-05-04T12:00:00.000000Z"])


@st.composite
def items(draw: st.DrawFn, key: str) -> Item:
    more = draw(comments), draw(expiries)
    if draw(st.integers(0, 9)) == 0:
        return Item(key, SEALED, "secret", True, False, *more)
    value = draw(values)
    natural = infer_type(value)
    kinds = [natural, "json", "secret"] + (["float"] if natural == "integer" else [])
    return Item(key, value, draw(st.sampled_from(kinds)), False, False, *more)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    header = Header("shop", draw(st.integers(0, 2**48)), draw(st.sampled_from(["", "a/"])),
                    draw(st.sampled_from(["", "omitted"])))  # fmt: skip
    held = draw(st.lists(keys, unique=True, max_size=6))
    return Document(tuple(draw(items(key)) for key in held), header, marked=True)


def plain(document: Document) -> tuple:
    """What is to be the same: ``line`` apart, and values as the texts that are stored, so that 1 is not 1.0."""
    held = {
        item.key: (canonical(item.value), item.type, item.sealed, item.comment, item.expires_at)
        for item in document.items
    }
    assert len(held) == len(document.items)
    return document.header, document.marked, held


HARD = Document(
    (
        Item("deep", json.loads("[" * 64 + "]" * 64), "json"),
        Item("name", {"x" * 2000: {"y" * 2000: None}}, "json"),
        Item("float", 5, "float"),
        Item("a.b", "dot", "string"),
        Item("a/b", "slash", "string"),
        Item("a_b", "line\nline\n", "string"),
        Item("end", "backslash\\", "string"),
        Item("next", "'", "string"),
        Item("huge", 10**400, "integer"),
        Item("tiny", 5e-324, "float"),
        Item("minus", -0.0, "float"),
        Item("pw", SEALED, "secret", sealed=True),
        Item("plain", {"a": [1, "b"]}, "secret"),
    ),
    Header("shop", 7),
    marked=True,
)


@pytest.mark.parametrize("name", FORMATS)
@example(HARD)
@given(documents())
def test_an_export_is_read_as_it_was_written(name: str, document: Document) -> None:
    text = FORMATS[name].write(document)
    assert plain(read_file(FORMATS[name], text.encode())) == plain(document), text


@pytest.mark.parametrize("name", FORMATS)
def test_the_order_of_members_and_of_entries_is_kept(name: str) -> None:
    held = tuple(Item(key, {"b": {"z": 1, "a": 2}, "a": 1}, "json") for key in ("z", "a"))
    read = read_file(FORMATS[name], FORMATS[name].write(Document(held, marked=True)).encode())
    assert [(item.key, canonical(item.value)) for item in read.items] == [
        ("z", '{"b":{"z":1,"a":2},"a":1}'),
        ("a", '{"b":{"z":1,"a":2},"a":1}'),
    ]
