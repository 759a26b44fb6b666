"""Regular expressions, on RE2: the time is linear in the text, and charged before the search."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final, TypeAlias

import re2

from tidemill.expressions.budget import Budget, Run
from tidemill.expressions.errors import BudgetExceededError
from tidemill.expressions.functions.patterns import translate
from tidemill.expressions.values import described, raised, type_name
from tidemill.json import Json

# RE2 comes without types.
Pattern: TypeAlias = Any
Match: TypeAlias = Any

PATTERN_CHARACTERS_MAX: Final = 1_000
PROGRAM_INSTRUCTIONS_MAX: Final = 2_000
_MEMORY_BYTES_MAX: Final = 1024 * 1024
_COMPILED_PATTERNS_MAX: Final = 256
# RE2's slowest engine does about this many (character, instruction) pairs in the time of one operation.
_PAIRS_PER_OPERATION: Final = 12
# A small program always has few enough states for its quick engine, whose time does not depend on the size.
_SMALL_PROGRAM_INSTRUCTIONS: Final = 16
_CHARACTERS_PER_OPERATION: Final = 100
# The text is encoded for RE2, once, before the first search.
_ENCODED_CHARACTERS_PER_OPERATION: Final = 64
_MATCH_OPERATIONS: Final = 30
_GROUP_OPERATIONS: Final = 5
_GROUP_BYTES: Final = 200
# Compiling is charged each time, whether or not the pattern is still known from before.
_COMPILE_OPERATIONS: Final = 100


@lru_cache(maxsize=_COMPILED_PATTERNS_MAX)
def _compiled(pattern: str, flags: str) -> Pattern:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY_BYTES_MAX
    options.longest_match = "l" in flags
    try:
        compiled = re2.compile(translate(pattern, flags), options)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        shown = reason.decode(errors="replace") if isinstance(reason, bytes) else reason
        if "too large" in str(shown):
            raise BudgetExceededError("a regular expression is too large") from None
        raise raised(f"Regex failure: {shown}") from None
    if compiled.programsize > PROGRAM_INSTRUCTIONS_MAX:
        # Not an error that could be caught, because compiling such patterns in a loop would be dear.
        raise BudgetExceededError("a regular expression is too large")
    return compiled


def _prepared(run: Run, text: Json, pattern: Json, flags: Json) -> tuple[str, Pattern, str]:
    if not isinstance(text, str):
        raise raised(f"{described(text)} cannot be matched, as it is not a string")
    if not isinstance(pattern, str):
        raise raised(f"{described(pattern)} is not a string")
    if flags is not None and not isinstance(flags, str):
        raise raised(f"{described(flags)} is not a string")
    if len(pattern) > PATTERN_CHARACTERS_MAX:
        raise raised("Regex failure: the pattern is too long")
    used = flags or ""
    if set(used) - set("gimnpslx"):
        raise raised(f"{used} is not a valid modifier string")
    run.budget.spend(_COMPILE_OPERATIONS)
    compiled = _compiled(pattern, "".join(sorted(set(used) - {"g"})))
    run.budget.spend(compiled.programsize)
    return text, compiled, used


def _charge_search(length: int, compiled: Pattern, budget: Budget) -> None:
    if compiled.programsize <= _SMALL_PROGRAM_INSTRUCTIONS:
        budget.spend(_MATCH_OPERATIONS + length // _CHARACTERS_PER_OPERATION)
    else:
        budget.spend(_MATCH_OPERATIONS + length * compiled.programsize // _PAIRS_PER_OPERATION)


def _searches(run: Run, value: Json, pattern: Json, flags: Json) -> Iterator[Match]:
    text, compiled, used = _prepared(run, value, pattern, flags)
    # One iterator for the whole text, because each search of its own would encode the text again.
    run.budget.spend(len(text) // _ENCODED_CHARACTERS_PER_OPERATION)
    matches = compiled.finditer(text)
    previous = (-1, 0)
    while True:
        if previous[1] == 0 or not _looks_no_further(compiled):
            _charge_search(len(text) - previous[1], compiled, run.budget)
        else:
            run.budget.spend(_MATCH_OPERATIONS)
        found = next(matches, None)
        if found is None:
            return
        start, end = found.span()
        # RE2 gives an empty match once more when the search before began in front of it.
        if (start, end) == previous:
            continue
        previous = (start, end)
        # The groups are found by a second look at the match alone.
        run.budget.spend((end - start) * compiled.programsize // _PAIRS_PER_OPERATION)
        if end > start or "n" not in used:
            yield found
        if "g" not in used:
            return


def _looks_no_further(compiled: Pattern) -> bool:
    """True when a search ends right behind its match, so that all searches together read the text once."""
    small = compiled.programsize <= _SMALL_PROGRAM_INSTRUCTIONS
    return small and not any(repetition in compiled.pattern for repetition in "*+{")


def test(run: Run, value: Json, pattern: Json, flags: Json) -> Json:
    """True when the text matches."""
    return next(_searches(run, value, pattern, flags), None) is not None


def match(run: Run, value: Json, pattern: Json, flags: Json) -> Iterator[Json]:
    """Each match with its captures."""
    names: list[Json] | None = None
    for found in _searches(run, value, pattern, flags):
        names = _group_names(found) if names is None else names
        run.budget.spend(_GROUP_OPERATIONS * len(names))
        run.budget.produce(_GROUP_BYTES * (1 + len(names)))
        captures: list[Json] = [
            {**_place(found, group), "name": name} for group, name in enumerate(names, start=1)
        ]
        yield {**_place(found, 0), "captures": captures}


def _group_names(found: Match) -> list[Json]:
    names = {position: name for name, position in found.re.groupindex.items()}
    return [names.get(group) for group in range(1, found.re.groups + 1)]


def _place(found: Match, group: int) -> dict[str, Json]:
    start, end = found.span(group)
    if start < 0:
        return {"offset": -1, "length": 0, "string": None}
    return {"offset": start, "length": end - start, "string": found[group]}


def _pattern_and_flags(value: Json) -> tuple[Json, Json]:
    """`"pattern"` or `["pattern", "flags"]`"""
    if isinstance(value, str):
        return value, None
    if isinstance(value, list) and value:
        return value[0], value[1] if len(value) > 1 else None
    raise raised(f"{type_name(value)} not a string or array")


def test_one(run: Run, value: Json, pattern: Json) -> Json:
    """`test` with pattern and flags in one argument."""
    return test(run, value, *_pattern_and_flags(pattern))


def match_one(run: Run, value: Json, pattern: Json) -> Iterator[Json]:
    """`match` with pattern and flags in one argument."""
    return match(run, value, *_pattern_and_flags(pattern))


def named_captures(run: Run, value: Json) -> Json:
    """The named captures of a match, as an object."""
    assert isinstance(value, dict)
    captures = value["captures"]
    assert isinstance(captures, list)
    named: dict[str, Json] = {}
    for capture in captures:
        assert isinstance(capture, dict)
        name = capture["name"]
        if isinstance(name, str):
            named[name] = capture["string"]
    return named


FUNCTIONS: Final[dict[str, Callable[..., Json]]] = {
    "test/1": test_one,
    "test/2": test,
    "_named_captures/0": named_captures,
}
GENERATORS: Final[dict[str, Callable[..., Iterator[Json]]]] = {"match/1": match_one, "match/2": match}
