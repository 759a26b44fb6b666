"""Builtins with many outputs."""

from collections.abc import Callable, Iterator
from typing import Final

from tidemill.expressions.budget import Budget, Run
from tidemill.expressions.numbers import checked
from tidemill.expressions.values import described, is_number, raised
from tidemill.json import Json


def range_to(run: Run, value: Json, stop: Json) -> Iterator[Json]:
    """0 and on, below stop."""
    return range_between(run, value, 0, stop)


def range_between(run: Run, value: Json, start: Json, stop: Json) -> Iterator[Json]:
    """From start on in steps of 1, below stop."""
    return range_by(run, value, start, stop, 1)


def range_by(run: Run, value: Json, start: Json, stop: Json, by: Json) -> Iterator[Json]:
    """From start on in steps of `by`, up to stop and without it."""
    if not (is_number(start) and is_number(stop) and is_number(by)):
        raise raised("Range bounds must be numeric")
    assert isinstance(start, int | float)
    assert isinstance(stop, int | float)
    assert isinstance(by, int | float)
    if by == 0:
        return
    current = start
    while current < stop if by > 0 else current > stop:
        run.budget.spend(1)
        yield current
        current = checked(current + by)


def recurse(run: Run, value: Json) -> Iterator[Json]:
    """The value and everything inside it, each before what it holds."""
    waiting: list[Iterator[Json]] = [iter([value])]
    while waiting:
        for item in waiting[-1]:
            run.budget.spend(2)
            yield item
            if isinstance(item, dict | list):
                waiting.append(iter(item.values() if isinstance(item, dict) else item))
                break
        else:
            waiting.pop()


def substitutions(run: Run, value: Json, edits: Json) -> Iterator[Json]:
    """The texts that edits [offset, length, [replacements]] make of a text."""
    assert isinstance(value, str)
    assert isinstance(edits, list)
    made: list[list[str]] = []
    previous = 0
    for edit in edits:
        assert isinstance(edit, list)
        offset, size, replacements = edit
        assert isinstance(offset, int)
        assert isinstance(size, int)
        assert isinstance(replacements, list)
        _extend(made, value[previous:offset], replacements, run.budget)
        previous = offset + size
    for parts in made or [[value[:previous]]]:
        rest = value[previous:]
        run.budget.produce(sum(map(len, parts)) + len(rest))
        yield "".join(parts) + rest


def _extend(made: list[list[str]], gap: str, replacements: list[Json], budget: Budget) -> None:
    for position, replacement in enumerate(replacements):
        if not isinstance(replacement, str):
            raise raised(f"{described(gap)} and {described(replacement)} cannot be added")
        budget.spend(2)
        if position == len(made):
            made.append([])
        made[position] += (gap, replacement)


FUNCTIONS: Final[dict[str, Callable[..., Iterator[Json]]]] = {
    "range/1": range_to,
    "_range/2": range_between,
    "_range_by/3": range_by,
    "recurse/0": recurse,
    "_substitutions/1": substitutions,
}
