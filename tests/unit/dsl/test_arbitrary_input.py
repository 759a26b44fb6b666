"""Whatever comes in, reading and checking give an answer and nothing else."""

import contextlib
import json
from pathlib import Path
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as some

from tests.unit.dsl.mutations import Mutator
from tidemill.dsl import DocumentError, Problem, check, load, parse_duration, unsupported
from tidemill.json import Json

_SINK: Final = load(Path(__file__).with_name("kitchen_sink.yaml").read_text())
_WORDS: Final = some.sampled_from(
    [
        *("document", "do", "use", "schedule", "on", "one", "with", "then", "if", "input", "from", "schema"),
        *(
            "set",
            "for",
            "in",
            "each",
            "while",
            "try",
            "catch",
            "retry",
            "wait",
            "call",
            "http",
            "fork",
            "branches",
        ),
        *(
            "${ .a }",
            "${",
            "PT1S",
            "{a",
            "^(",
            "tidemill",
            "metadata",
            "secrets",
            "*a",
            "&a",
            "- ",
            "? ",
            ": ",
        ),
    ]
)
_VALUES: Final = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=20) | _WORDS,
    lambda inner: (
        some.lists(inner, max_size=5) | some.dictionaries(_WORDS | some.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=30,
)


def answers(document: Json) -> None:
    assert all(
        isinstance(problem, Problem) for problem in [*check(document), *unsupported_if_sound(document)]
    )


def unsupported_if_sound(document: Json) -> list[Problem]:
    sound = all(problem.severity == "warning" for problem in check(document))
    return unsupported(document) if sound else []


@given(some.text(max_size=200) | some.lists(_WORDS | some.text(max_size=5), max_size=30).map("".join))
@settings(deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(DocumentError):
        answers(load(text))


@given(some.binary(max_size=100))
@settings(deadline=None)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(DocumentError):
        answers(load(data))


@given(_VALUES)
@settings(deadline=None)
def test_any_value_is_checked(value: Json) -> None:
    answers(value)


@given(_VALUES)
@settings(deadline=None)
def test_any_value_is_a_duration_or_refused(value: Json) -> None:
    with contextlib.suppress(ValueError):
        assert parse_duration(value) >= 0


@given(some.integers(min_value=0, max_value=2**32))
@settings(max_examples=60, deadline=None)
def test_any_change_to_a_full_document_is_checked(seed: int) -> None:
    (mutant,) = Mutator([_SINK], seed=seed).mutants(_SINK, count=1)
    answers(mutant)


@given(_VALUES)
@settings(deadline=None)
def test_what_json_holds_is_read_as_it_is(value: Json) -> None:
    with contextlib.suppress(DocumentError):
        assert load(json.dumps({"value": value})) == {"value": value}
