"""Closures that make arrays, objects and strings."""

from collections.abc import Sequence

from tidemill.expressions.budget import Run
from tidemill.expressions.closures.shapes import Single
from tidemill.expressions.functions.formats import Format
from tidemill.expressions.machine import Environment
from tidemill.expressions.paths import elements
from tidemill.expressions.steps.values import bad_key
from tidemill.expressions.values import spend_reading
from tidemill.json import Json


def array(items: list[Single]) -> Single:
    """`[a, b]` of one output each."""
    return lambda value, environment, run: [item(value, environment, run) for item in items]


def mapped(body: Single, weight: int) -> Single:
    """`[.[] | body]`"""

    def items(value: Json, environment: Environment, run: Run) -> Json:
        found = elements(value)
        run.budget.spend((1 + weight) * len(found))
        return [body(item, environment, run) for item in found]

    return items


def named_object(entries: list[tuple[str, Single]]) -> Single:
    """`{name: value}` with names that are known."""

    def make(value: Json, environment: Environment, run: Run) -> Json:
        made: dict[str, Json] = {}
        for name, entry in entries:
            made[name] = entry(value, environment, run)
        return made

    return make


def computed_object(entries: list[tuple[Single, Single]]) -> Single:
    """`{(key): value}`"""

    def make(value: Json, environment: Environment, run: Run) -> Json:
        made: dict[str, Json] = {}
        for key, entry in entries:
            name = key(value, environment, run)
            content = entry(value, environment, run)
            if not isinstance(name, str):
                raise bad_key(name)
            spend_reading(name, run.budget)
            made[name] = content
        return made

    return make


def text(parts: Sequence[str | Single], fill: Format, *, plain: bool) -> Single:
    """A string with interpolations; `plain` when no format is applied to them."""

    def make(value: Json, environment: Environment, run: Run) -> Json:
        texts = []
        for part in parts:
            if isinstance(part, str):
                texts.append(part)
                continue
            found = part(value, environment, run)
            texts.append(found if plain and isinstance(found, str) else fill(run, found))
        run.budget.produce(sum(map(len, texts)))
        return "".join(texts)

    return make
