"""Facts as lines of JSON: the name of the fact, then its members in order."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, get_args

import orjson

from tidemill.checking.facts import FORMAT, ActionFact, End, EngineFact, EngineHeader, Fact, LedgerHeader

_NAMES: Final[Mapping[str, type[Fact]]] = MappingProxyType(
    {fact.__name__: fact for fact in (*get_args(EngineFact), *get_args(ActionFact))}
)


class FactsError(Exception):
    """A stream of facts that cannot be read, or that breaks off. The message is one line for people."""


def write_fact(fact: Fact) -> bytes:
    """One line."""
    return orjson.dumps((type(fact).__name__, *fact)) + b"\n"


def write_facts(facts: Iterable[Fact]) -> Iterator[bytes]:
    """Lines of all facts, and one that says that these were all."""
    count = 0
    for fact in facts:
        count += 1
        yield write_fact(fact)
    yield write_fact(End(count))


def read_facts(lines: Iterable[bytes]) -> Iterator[Fact]:
    """The facts of the lines, less the one that ends them.

    Raises FactsError for a line that is no fact, for another format, and where the end is missing.
    """
    count = 0
    for line in lines:
        fact = _read(line)
        if isinstance(fact, End):
            if fact.facts != count:
                raise FactsError(f"{fact.facts} facts were written, {count} have arrived")
            return
        if isinstance(fact, EngineHeader | LedgerHeader) and fact.format != FORMAT:
            raise FactsError(f"the facts have format {fact.format}, this release reads {FORMAT}")
        count += 1
        yield fact
    raise FactsError(f"the facts break off after {count}")


def _read(line: bytes) -> Fact:
    try:
        name, *members = orjson.loads(line)
        return _NAMES[name](*members)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise FactsError(f"this is no fact: {line[:80]!r}") from None
