"""Every example of the language, once: with what it is given and what must be true of it, or with the reason
why it cannot run."""

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
# What does not run yet: the name of the example, and why.
NOT_RUN: Final[Mapping[str, str]] = {
    "call-asyncapi-publish": "calls by AsyncAPI are not built yet",
    "call-asyncapi-subscribe-consume-amount": "calls by AsyncAPI are not built yet",
    "call-asyncapi-subscribe-consume-forever-foreach": "calls by AsyncAPI are not built yet",
    "call-asyncapi-subscribe-consume-until": "calls by AsyncAPI are not built yet",
    "call-asyncapi-subscribe-consume-while": "calls by AsyncAPI are not built yet",
}


def named_examples() -> Iterator[str]:
    """The name of every example that the tables know, as often as it stands in them."""
    for table in STACK_TABLES:
        yield from table
    yield from timed.RUNS
    yield from NOT_RUN


def cases() -> dict[str, tuple[str, Case]]:
    """The cases that run in a stack with their examples, by the namespace of each."""
    return {
        "-".join(filter(None, (example.replace(" ", "-"), case.name))): (example, case)
        for table in STACK_TABLES
        for example, found in table.items()
        for case in found
    }
