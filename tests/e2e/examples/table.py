"""Every example of the language, once: with what it is given and what must be true of it, or with the tests
that run it."""

from collections.abc import Iterator, Mapping
from typing import Final

from tests.e2e.examples import calls, flow, heard, programs, timed
from tests.e2e.examples.case import Case

# Those that run in a stack.
STACK_TABLES: Final[tuple[Mapping[str, tuple[Case, ...]], ...]] = (
    calls.RUNS,
    flow.RUNS,
    heard.RUNS,
    programs.RUNS,
)
# Those that need more than a stack: the name of the example, and where it runs.
ELSEWHERE: Final[Mapping[str, str]] = dict.fromkeys(
    (
        "call-asyncapi-publish",
        "call-asyncapi-subscribe-consume-amount",
        "call-asyncapi-subscribe-consume-forever-foreach",
        "call-asyncapi-subscribe-consume-until",
        "call-asyncapi-subscribe-consume-while",
    ),
    "tests/e2e/test_asyncapi.py",
)


def named_examples() -> Iterator[str]:
    """The name of every example that the tables know, as often as it stands in them."""
    for table in STACK_TABLES:
        yield from table
    yield from timed.RUNS
    yield from ELSEWHERE


def cases() -> dict[str, tuple[str, Case]]:
    """The cases that run in a stack with their examples, by the namespace of each."""
    return {
        "-".join(filter(None, (example.replace(" ", "-"), case.name))): (example, case)
        for table in STACK_TABLES
        for example, found in table.items()
        for case in found
    }
