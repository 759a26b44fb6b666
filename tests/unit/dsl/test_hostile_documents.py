"""Documents made to cost much: reading and checking them is bounded, in processor time of this process."""

import contextlib
import json
import time
from collections.abc import Callable
from typing import Final

import pytest

from tests.unit.dsl.samples import workflow
from tidemill.dsl import DocumentError, check, load
from tidemill.json import Json

# A second on an idle machine; the rest is for a busy one.
_SECONDS_MAX: Final = 5.0
WAIT: Json = {"wait": {"seconds": 1}}


def named(count: int, task: Callable[[int], Json]) -> list[tuple[str, Json]]:
    return [(f"t{index}", task(index)) for index in range(count)]


def calling_shared_policy() -> Json:
    policy: Json = {"when": ".a" + "+.b" * 40, "exceptWhen": ".c" + "+.d" * 40}

    def task(index: int) -> Json:
        guarded: Json = {"try": [], "catch": {"retry": "shared"}}
        return {"for": {"in": ".x", "each": f"v{index}"}, "do": [{"a": guarded}]}

    return workflow(*named(990, task), use={"retries": {"shared": policy}})


def expressions() -> Json:
    return workflow(
        *named(900, lambda index: {"set": {"x": f"${{ {{a{index}: .b, c: [.d, .e + 1]}} }}" * 1}})
    )


def data_schemas() -> Json:
    properties: Json = {
        f"p{index}": {"pattern": f"(\\w{{50}}|x){{{index % 3 + 1}}}"} for index in range(3_000)
    }
    return workflow(("a", {"wait": "PT1S", "input": {"schema": {"document": {"properties": properties}}}}))


def patterns() -> Json:
    filters: list[Json] = [{"with": {"type": f"^(\\pL{{{index % 20 + 20}}})$"}} for index in range(9_000)]
    return workflow(("a", WAIT), schedule={"on": {"any": filters}})


def unknown_members() -> Json:
    return workflow(("a", {"wait": "PT1S", **{f"k{index}": 1 for index in range(40_000)}}))


def wide_data() -> Json:
    return workflow(("a", {"set": {f"k{index}": "v" for index in range(40_000)}}))


def many_tasks() -> Json:
    return workflow(*named(12, lambda _: {"do": [{name: task} for name, task in named(990, lambda _: WAIT)]}))


DOCUMENTS: Final = [
    calling_shared_policy,
    expressions,
    data_schemas,
    patterns,
    unknown_members,
    wide_data,
    many_tasks,
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda made: str(made.__name__))
def test_a_large_document_is_checked_in_time(document: Callable[[], Json]) -> None:
    text = json.dumps(document())
    started = time.process_time()

    check(load(text))

    assert time.process_time() - started < _SECONDS_MAX


@pytest.mark.parametrize(
    "text",
    [
        "[" * 1_000_000,
        '{"a":' * 200_000,
        "a: " + "ab cd " * 40_000,
        "\n" * 260_000,
        "a: " + "!" * 250_000,
        "a: [" + ("[" * 60 + "]" * 60 + ",") * 2_000 + "]",
        "".join(f"key{index}: &a{index} v\n" for index in range(12_000)),
        '{"a": [' + "1," * 490_000 + "1]}",
        '{"a": "' + "x" * 1_000_000 + '"}',
    ],
    ids=["brackets", "braces", "words", "lines", "tag", "nests", "anchors", "numbers", "string"],
)
def test_a_hostile_text_is_read_or_refused_in_time(text: str) -> None:
    started = time.process_time()

    with contextlib.suppress(DocumentError):
        load(text)

    assert time.process_time() - started < _SECONDS_MAX
