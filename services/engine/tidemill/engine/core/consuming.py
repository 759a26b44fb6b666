"""Event consumption strategies: which of the filters are still open, and when enough events have come."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tidemill.json import Json

# An empty `any` takes any event at all (specification, event consumption strategy).
_ANY_EVENT: Final[Mapping[str, Json]] = {"with": {}}


@dataclass(frozen=True, slots=True)
class Strategy:
    """What must come: an event for every filter, or one for any of them. Filters are known by number."""

    filters: range
    every: bool

    def wants(self, number: int, taken: Collection[int]) -> bool:
        """Whether an event for this filter still counts."""
        return not self.every or number not in taken

    def is_complete(self, taken: Collection[int]) -> bool:
        """Whether enough has come, when these filters have taken events."""
        if self.every:
            return all(number in taken for number in self.filters)
        return any(number in taken for number in self.filters)


def filters_of(strategy: Mapping[str, Json]) -> list[tuple[str, Mapping[str, Json]]]:
    """The filters of a strategy in the order of the document, each with its pointer inside the strategy."""
    if "one" in strategy:
        return [("/one", _members(strategy["one"]))]
    kind = "all" if "all" in strategy else "any"
    given = strategy.get(kind)
    listed: Sequence[Json] = given if isinstance(given, list) else []
    if kind == "any" and not listed:
        return [("/any", _ANY_EVENT)]
    return [(f"/{kind}/{index}", _members(item)) for index, item in enumerate(listed)]


def strategy_of(strategy: Mapping[str, Json], first: int) -> Strategy:
    """A strategy whose filters count from `first`."""
    numbers = range(first, first + len(filters_of(strategy)))
    return Strategy(numbers, every="any" not in strategy)


def _members(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}
