"""Reading documents: YAML 1.2 and JSON, with every bound and every refusal."""

import json

import pytest

from tidemill.dsl import DocumentError, limits, load


def refused(text: str | bytes) -> str:
    with pytest.raises(DocumentError) as caught:
        load(text)
    assert len(caught.value.problems) == 1
    return str(caught.value.problems[0])


def test_words_of_old_yaml_and_dates_stay_text() -> None:
    document = load("on: off\nyes: no\nday: 2026-01-31\nat: 2026-01-31T08:00:00Z\nclock: 12:30:45\n")

    assert document == {
        "on": "off",
        "yes": "no",
        "day": "2026-01-31",
        "at": "2026-01-31T08:00:00Z",
        "clock": "12:30:45",
    }


def test_scalars_follow_the_core_schema_of_yaml_1_2() -> None:
    text = "[~, null, true, FALSE, 7, -7, +7, 0o17, 0x1F, 017, 1.5, .5, 1e3, '7', !!str 7, !!float 7, ! 7]"

    assert load(f"values: {text}")["values"] == [
        *(None, None, True, False, 7, -7, 7, 15, 31, 17, 1.5, 0.5, 1000.0, "7", "7", 7.0, "7"),
    ]


def test_keys_are_text_whatever_they_look_like() -> None:
    assert load("1: a\ntrue: b\n2026-01-31: c\n") == {"1": "a", "true": "b", "2026-01-31": "c"}


def test_json_is_read_as_json() -> None:
    document = {"a": [1, 2.5, "ü", None, True, {"b": {}}]}

    assert load(json.dumps(document)) == document
    assert load(json.dumps(document).encode()) == document


def test_flow_yaml_that_looks_like_json_is_read_as_yaml() -> None:
    assert load("{a: 1, b: [c,]}") == {"a": 1, "b": ["c"]}


def test_a_byte_order_mark_is_passed_over() -> None:
    assert load(b"\xef\xbb\xbfa: 1") == {"a": 1}
    assert load("\ufeff{}") == {}


def test_anchors_are_written_out() -> None:
    document = load("a: &x {b: [1]}\nc: *x\nd: &y text\ne: *y\n")

    assert document == {"a": {"b": [1]}, "c": {"b": [1]}, "d": "text", "e": "text"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "/b: the key `c` is given twice, at 4:3"),
        ('{"a": {"b": 1, "b": 2}}', "/a: the key `b` is given twice"),
        (
            "a: [\n",
            "(document): the document is not YAML: expected the node content, but found '<stream end>'",
        ),
        ('{"a": }}', "(document): the document is not YAML: expected '<document start>', but found"),
        ("a: &x [*x]", "/a/0: the alias `*x` stands inside itself, at 1:8"),
        ("a: *x", "/a: the alias `*x` is not defined, at 1:4"),
        ("a: &x k\n*x : 1", "(document): a key must be plain text, at 2:1"),
        ("? [a]\n: b", "(document): a key must be plain text, at 1:3"),
        ("a: 1\n: 2", "(document): a key is missing, at 2:1"),
        ("<<: {a: 1}", "(document): merge keys (`<<`) are not part of YAML 1.2, at 1:1"),
        (
            "a: !python/object b",
            "/a: the tag `!python/object` is not known; documents hold plain JSON values, at 1:4",
        ),
        ("a: !set [b]", "/a: the tag `!set` is not known; documents hold plain JSON values, at 1:4"),
        ("a: !!int many", "/a: `many` does not fit its tag !!int, at 1:4"),
        ("%YAML 1.1\n---\na: 1", "(document): documents are YAML 1.2, at 2:1"),
        ("a: 1\n---\nb: 2", "(document): the text holds more than one document, at 2:1"),
        ("", "(document): the document is empty"),
        ("# nothing\n", "(document): the document is empty"),
        ("[1, 2]", "(document): a workflow document is an object with `document` and `do`"),
        ("just text", "(document): a workflow document is an object with `document` and `do`"),
        ("a: .inf", "/a: .inf is not a JSON number, at 1:4"),
        ("a: 1e999", "/a: the number is not finite or too large"),
        ('{"a": 1e999}', "/a: the number is not finite or too large"),
        ("a: 18446744073709551616", "/a: the integer is outside the range of int64 and uint64"),
        ('{"a": [-9223372036854775809]}', "/a/0: the integer is outside the range of int64 and uint64"),
        (f"a: {'9' * 5000}", "/a: the integer is outside the range of int64 and uint64, at 1:4"),
        ('a: "\\0"', "/a: the character NUL is not allowed"),
        ('{"a\\u0000": 1}', "(document): the character NUL is not allowed"),
        ('{"a": "\\ud800"}', "/a: an unpaired surrogate is not a character"),
        ("a: \ud800", "(document): an unpaired surrogate stands at character 3"),
        (b"a: \xff", "(document): the document is not UTF-8 (byte 3)"),
    ],
)
def test_a_refusal_says_where_and_why(text: str | bytes, sentence: str) -> None:
    assert refused(text).startswith(sentence)


@pytest.mark.parametrize("number", [2**64 - 1, -(2**63)])
def test_the_whole_range_of_integers_is_kept(number: int) -> None:
    assert load(f"a: {number}") == load(f'{{"a": {number}}}') == {"a": number}


def test_a_document_is_bounded_in_bytes() -> None:
    assert "larger than 1048576 bytes" in refused("a" * (limits.DOCUMENT_BYTES_MAX + 1))
    assert "write a larger one as JSON" in refused("a: " + "b" * limits.YAML_BYTES_MAX)
    assert "longer than 262144 characters" in refused('{"a": "' + "b" * 300_000 + '"}')


def test_json_may_be_larger_than_yaml() -> None:
    document = {"a": ["text"] * 40_000}

    assert load(json.dumps(document)) == document


@pytest.mark.parametrize(
    "text", ["[" * 90 + "]" * 90, "[" * 90_000, '{"a":' * 90 + "1" + "}" * 90, "- " * 90 + "a"]
)
def test_a_document_is_bounded_in_depth(text: str) -> None:
    assert "nested deeper than 80 levels" in refused(text)


def test_depth_is_counted_after_aliases_are_written_out() -> None:
    deep = "[" * 70 + "]" * 70

    assert "nested deeper than 80 levels" in refused(f"a: &x {deep}\nb: {'[' * 20}*x{']' * 20}")


def test_a_document_is_bounded_in_values() -> None:
    assert "more than 50000 values" in refused(json.dumps({"a": [1] * 50_001}))
    assert "may have 10000 values" in refused("a: [" + "1," * 10_001 + "]")


def test_aliases_of_aliases_cannot_multiply() -> None:
    lines = ["a: &a [1,1,1,1,1,1,1,1,1]"]
    lines += [
        f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    ]

    assert "may have 10000 values, aliases written out, at 5:" in refused("\n".join(lines))


def test_aliases_of_long_texts_cannot_multiply() -> None:
    text = f"a: &a {'b' * 200_000}\nc: [{'*a,' * 100}]"

    assert "the texts of the document have more than 1048576 characters together" in refused(text)


def test_keys_are_bounded() -> None:
    assert "is longer than 1024 characters" in refused(json.dumps({"k" * 1025: 1}))
