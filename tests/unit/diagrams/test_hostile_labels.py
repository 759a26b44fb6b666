"""Whatever stands in a document: a diagram stays one, and shows the text as it is."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.diagrams.mermaid_grammar import MermaidSyntaxError, parse
from tests.unit.dsl.samples import workflow
from tidemill.diagrams.mermaid import draw_mermaid
from tidemill.diagrams.reading import outline_of
from tidemill.diagrams.text import draw_text
from tidemill.diagrams.words import one_line

HOSTILE = (
    'say "hello"',
    "a]b)c}d",
    "[/x/] ([y]) {{z}}",
    "a|b||c",
    "x --> y",
    "end",
    "subgraph",
    "100%% {not a comment}",
    "%%{init: {'theme': 'dark'}}%%",
    "#quot; &amp; <b>bold</b> <script>alert(1)</script>",
    "`code` *bold* __both__ ~~gone~~ snake_case _x_",
    "1. first",
    "- item",
    "$$x^2$$",
    "style: x#y;",
    "classDef a:b#c;",
    "back\\nslash",
    "Grüße 👩‍🚀 東京 עברית",
    ":::never",
)


def labels_of(name: str) -> tuple[str, list[str]]:
    """The text, and the labels of the flowchart, of a document with this name wherever one may stand."""
    document = workflow(
        (name, {"if": name, "switch": [{name: {"when": f"{name} x", "then": name}}]}),
        (f"{name}2", {"try": [{name: {"set": name}}], "catch": {"do": [{name: {"do": []}}]}}),
        use={"functions": {name: {"wait": "PT1S"}}},
    )
    outline = outline_of(document)
    chart = parse(draw_mermaid(outline))
    return draw_text(outline), [
        *chart.labels(),
        *chart.boxes.values(),
        *(label for _, _, label, _ in chart.links),
    ]


@pytest.mark.parametrize("name", HOSTILE)
def test_text_is_shown_as_it_stands(name: str) -> None:
    text, labels = labels_of(name)
    assert f"switch {name}" in labels
    assert f"set {name} | {name}" in labels
    assert f"{name}: {name} x" in labels
    assert f"function {name}" in labels
    assert f"├─ switch {name}, if {name}\n" in text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("two\nlines\tand\u2028more", "two lines and more"),
        ("\x1b[31mred\x07", "�[31mred�"),
        ("left\u202eright", "left�right"),
    ],
)
def test_what_would_move_the_cursor_or_turn_the_writing_is_not_let_through(name: str, shown: str) -> None:
    text, labels = labels_of(name)
    assert f"switch {shown}" in labels
    assert f"switch {shown}, if {shown}" in text


@given(st.text(min_size=1, max_size=40).filter(str.strip))
def test_any_text_gives_a_sound_diagram(name: str) -> None:
    text, labels = labels_of(name)
    assert f"switch {one_line(name)}" in labels
    assert {letter for letter in text if unicodedata.category(letter) in ("Cc", "Zl", "Zp")} <= {"\n"}


def test_a_long_detail_is_cut_but_a_name_is_not() -> None:
    name = "n" * 256
    text = draw_text(outline_of(workflow((name, {"set": "${ " + "x" * 500 + " }"}))))
    line = next(line for line in text.splitlines() if name in line)
    assert re.search(r": x{99}…$", line)


@pytest.mark.parametrize(
    "lines",
    [
        'a["x"',
        'a["x"]\n  a["y"]',
        'a["say "hi""]',
        "a[x]",
        'end["x"]',
        'a["x"]\n  a --> b',
        'subgraph b["x"]\n    a["y"]',
        'a["x"]\n  end',
        'a["#unknown;"]',
        'a["x%%y"]',
        'a["<b>"]',
        'a["x"]:::gone',
        'a["style:#35;"]',
        'a["x"]\n  a -->|y| a',
    ],
)
def test_the_grammar_refuses_what_is_not_mermaid(lines: str) -> None:
    with pytest.raises(MermaidSyntaxError):
        parse(f"flowchart TD\n  {lines}\n")
