"""Closures that direct the flow: pipe, comma, conditions, errors, bindings, loops."""

from collections.abc import Iterator
from itertools import islice

from tidemill.expressions.budget import CAUGHT_OPERATIONS, Run
from tidemill.expressions.closures.shapes import Many, Single
from tidemill.expressions.errors import RaisedError
from tidemill.expressions.machine import Environment
from tidemill.expressions.operators import SLOT_BYTES
from tidemill.expressions.steps.flow import checked_count
from tidemill.json import Json


def pipe(left: Single, right: Single) -> Single:
    """`left | right`"""
    return lambda value, environment, run: right(left(value, environment, run), environment, run)


def pipe_into_many(left: Single, right: Many) -> Many:
    """`left | right` where right has many outputs."""
    return lambda value, environment, run: right(left(value, environment, run), environment, run)


def pipe_each(left: Many, right: Single, weight: int) -> Many:
    """`left | right` where left has many outputs."""

    def outputs(value: Json, environment: Environment, run: Run) -> Iterator[Json]:
        spend = run.budget.spend
        for item in left(value, environment, run):
            spend(weight)
            yield right(item, environment, run)

    return outputs


def pipe_all(left: Many, right: Many, weight: int) -> Many:
    """`left | right` where both have many outputs."""

    def outputs(value: Json, environment: Environment, run: Run) -> Iterator[Json]:
        spend = run.budget.spend
        for item in left(value, environment, run):
            spend(weight)
            yield from right(item, environment, run)

    return outputs


def comma(left: Many, right: Many) -> Many:
    """`left, right`"""

    def outputs(value: Json, environment: Environment, run: Run) -> Iterator[Json]:
        yield from left(value, environment, run)
        yield from right(value, environment, run)

    return outputs


def condition(test: Single, consequence: Single, otherwise: Single) -> Single:
    """`if`"""

    def choose(value: Json, environment: Environment, run: Run) -> Json:
        outcome = test(value, environment, run)
        if outcome is None or outcome is False:
            return otherwise(value, environment, run)
        return consequence(value, environment, run)

    return choose


def condition_many(test: Single, consequence: Many, otherwise: Many) -> Many:
    """`if` where a branch has many outputs."""

    def choose(value: Json, environment: Environment, run: Run) -> Iterator[Json]:
        outcome = test(value, environment, run)
        if outcome is None or outcome is False:
            return otherwise(value, environment, run)
        return consequence(value, environment, run)

    return choose


def attempt(body: Single, handler: Single) -> Single:
    """`try body catch handler`"""

    def outputs(value: Json, environment: Environment, run: Run) -> Json:
        try:
            return body(value, environment, run)
        except RaisedError as error:
            problem = error.value
        run.budget.spend(CAUGHT_OPERATIONS)
        return handler(problem, environment, run)

    return outputs


def attempt_many(body: Many, handler: Many) -> Many:
    """`try` where body or handler have many outputs, or none."""

    def outputs(value: Json, environment: Environment, run: Run) -> Iterator[Json]:
        try:
            yield from body(value, environment, run)
            return
        except RaisedError as error:
            problem = error.value
        run.budget.spend(CAUGHT_OPERATIONS)
        yield from handler(problem, environment, run)

    return outputs


def bind(source: Single, body: Single) -> Single:
    """`source as $name | body`"""

    def outputs(value: Json, environment: Environment, run: Run) -> Json:
        return body(value, (source(value, environment, run), environment), run)

    return outputs


def bind_many(source: Many, body: Many, weight: int) -> Many:
    """`source as $name | body` with many outputs."""

    def outputs(value: Json, environment: Environment, run: Run) -> Iterator[Json]:
        for item in source(value, environment, run):
            run.budget.spend(weight)
            yield from body(value, (item, environment), run)

    return outputs


def reduce(source: Many, start: Single, update: Single, weight: int) -> Single:
    """`reduce source as $name (start; update)`"""

    def result(value: Json, environment: Environment, run: Run) -> Json:
        state = start(value, environment, run)
        spend = run.budget.spend
        for item in source(value, environment, run):
            spend(1 + weight)
            state = update(state, (item, environment), run)
        return state

    return result


def first(source: Many) -> Many:
    """`first(source)`"""
    return lambda value, environment, run: islice(source(value, environment, run), 1)


def limit(count: Single, source: Many) -> Many:
    """`limit(count; source)`"""

    def outputs(value: Json, environment: Environment, run: Run) -> Iterator[Json]:
        left = checked_count(count(value, environment, run), "limit")
        if left == 0:
            return
        for item in source(value, environment, run):
            left -= 1
            yield item
            if left <= 0:
                return

    return outputs


def collect(source: Many) -> Single:
    """`[source]`"""

    def items(value: Json, environment: Environment, run: Run) -> Json:
        found = list(source(value, environment, run))
        run.budget.produce(SLOT_BYTES * len(found))
        return found

    return items
