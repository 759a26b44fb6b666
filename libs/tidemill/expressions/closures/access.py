"""Closures that read by key, index and slice."""

from collections.abc import Iterator

from tidemill.expressions.budget import Run
from tidemill.expressions.closures.shapes import Many, Single, identity
from tidemill.expressions.machine import Environment
from tidemill.expressions.paths import cannot_index, elements, index, slice_of
from tidemill.json import Json


def fields(base: Single, names: list[str]) -> Single:
    """`base.a.b.c`"""
    if base is not identity:
        return _fields_of(base, names)
    if len(names) == 1:
        return _one_field(names[0])
    if len(names) == 2:
        return _two_fields(names[0], names[1])
    return _fields_of(base, names)


def _one_field(name: str) -> Single:
    def read(value: Json, environment: Environment, run: Run) -> Json:
        if type(value) is dict:
            return value.get(name)
        return _absent(value, name)

    return read


def _two_fields(first: str, second: str) -> Single:
    def read(value: Json, environment: Environment, run: Run) -> Json:
        value = value.get(first) if type(value) is dict else _absent(value, first)
        if type(value) is dict:
            return value.get(second)
        return _absent(value, second)

    return read


def _fields_of(base: Single, names: list[str]) -> Single:
    def read(value: Json, environment: Environment, run: Run) -> Json:
        value = base(value, environment, run)
        for name in names:
            value = value.get(name) if type(value) is dict else _absent(value, name)
        return value

    return read


def _absent(value: Json, name: str) -> Json:
    if value is None:
        return None
    if isinstance(value, dict):
        return value.get(name)
    raise cannot_index(value, name)


def element(base: Single, position: int) -> Single:
    """`base[1]`"""

    def read(value: Json, environment: Environment, run: Run) -> Json:
        value = base(value, environment, run)
        if type(value) is list:
            return value[position] if -len(value) <= position < len(value) else None
        if value is None:
            return None
        raise cannot_index(value, position)

    return read


def computed(base: Single, key: Single) -> Single:
    """`base[key]`"""

    def read(value: Json, environment: Environment, run: Run) -> Json:
        wanted = key(value, environment, run)
        return index(base(value, environment, run), wanted, run.budget)

    return read


def part(base: Single, start: Single, stop: Single) -> Single:
    """`base[start:stop]`"""

    def read(value: Json, environment: Environment, run: Run) -> Json:
        begin = start(value, environment, run)
        end = stop(value, environment, run)
        return slice_of(base(value, environment, run), begin, end, run.budget)

    return read


def iterate(base: Single) -> Many:
    """`base[]`"""

    def outputs(value: Json, environment: Environment, run: Run) -> Iterator[Json]:
        items = elements(base(value, environment, run))
        run.budget.spend(len(items))
        return iter(items)

    return outputs


def iterate_each(base: Many) -> Many:
    """`base[]` where base has many outputs."""

    def outputs(value: Json, environment: Environment, run: Run) -> Iterator[Json]:
        for item in base(value, environment, run):
            items = elements(item)
            run.budget.spend(1 + len(items))
            yield from items

    return outputs


def index_each(base: Many, key: Single) -> Many:
    """`base[key]` where base has many outputs."""

    def outputs(value: Json, environment: Environment, run: Run) -> Iterator[Json]:
        wanted = key(value, environment, run)
        for item in base(value, environment, run):
            run.budget.spend(1)
            yield index(item, wanted, run.budget)

    return outputs
