"""Steps that make and read values: functions of values, access by key, iteration."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from tidemill.expressions.budget import Run
from tidemill.expressions.closures.shapes import Many, Single
from tidemill.expressions.errors import RaisedError
from tidemill.expressions.machine import Environment, Frame, Jump, Machine, Place, Register, Step
from tidemill.expressions.paths import check_path_length, get_path, index, keyed_elements, slice_of
from tidemill.expressions.values import described, raised, shown, spend_reading
from tidemill.json import Json

# Makes one value, or several, of the input and the outputs of the parts.
Combine: TypeAlias = Callable[..., Json]
CombineMany: TypeAlias = Callable[..., Iterator[Json]]


def gather(parts: Sequence[Step], combine: Combine, *, turned: bool = False) -> Step:
    """One output for each combination of the parts' outputs; the first part varies slowest.

    `turned` hands the outputs over in the opposite order.
    """

    def last(machine: Machine, value: Json, kept: Environment, frame: Frame) -> Jump:
        register, _, earlier = kept
        found = (value, *reversed(earlier)) if turned else (*earlier, value)
        return frame[0], combine(machine.run, register, *found), frame[1], frame[2]

    def none(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
        return frame[0], combine(machine.run, register), frame[1], frame[2]

    return _chain(parts, last) if parts else none


def gather_many(parts: Sequence[Step], combine: CombineMany, *, turned: bool = False) -> Step:
    """All outputs of `combine` for each combination of the parts' outputs."""

    def last(machine: Machine, value: Json, kept: Environment, frame: Frame) -> Jump:
        register, _, earlier = kept
        found = (value, *reversed(earlier)) if turned else (*earlier, value)
        return following(machine, None, combine(machine.run, register, *found), frame)

    def none(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
        return following(machine, None, combine(machine.run, register), frame)

    return _chain(parts, last) if parts else none


def _chain(parts: Sequence[Step], last: Step) -> Step:
    after = last
    for part in reversed(parts[1:]):
        after = _collect_then(part, after)
    first = parts[0]

    def step(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
        return first, register, environment, (after, (register, environment, ()), frame)

    return step


def _collect_then(part: Step, after: Step) -> Step:
    def step(machine: Machine, value: Json, kept: Environment, frame: Frame) -> Jump:
        register, environment, earlier = kept
        return part, register, environment, (after, (register, environment, (*earlier, value)), frame)

    return step


def following(machine: Machine, _: Register, outputs: Iterator[Any], frame: Frame) -> Jump:
    """Give the next of the outputs, and come back for the others."""
    for output in outputs:
        machine.choose(following, None, outputs, frame)
        return frame[0], output, frame[1], frame[2]
    return machine.backtrack()


def lifted(single: Single, weight: int) -> Step:
    """A closure of one output as a step, charged by its size."""

    def step(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
        machine.run.budget.spend(weight)
        return frame[0], single(register, environment, machine.run), frame[1], frame[2]

    return step


def lifted_many(many: Many, weight: int) -> Step:
    """A closure of many outputs as a step."""

    def step(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
        machine.run.budget.spend(weight)
        return following(machine, None, many(register, environment, machine.run), frame)

    return step


def index_path(target: Step, key: Step) -> Step:
    """`target[key]` in path mode."""

    def step(machine: Machine, place: Place, environment: Environment, frame: Frame) -> Jump:
        return key, place[1], environment, (find_target, (place, environment), frame)

    def find_target(machine: Machine, value: Json, kept: Environment, frame: Frame) -> Jump:
        return target, kept[0], kept[1], (enter, value, frame)

    def enter(machine: Machine, place: Place, wanted: Json, frame: Frame) -> Jump:
        path, value = place
        if path is None:
            raise raised(
                f"Invalid path expression near attempt to access element {shown(wanted)} of {shown(value)}"
            )
        check_path_length(path)
        inner = (*path, wanted), index(value, wanted, machine.run.budget)
        return frame[0], inner, frame[1], frame[2]

    return step


def slice_path(target: Step, bounds: Sequence[Step]) -> Step:
    """`target[start:stop]` in path mode."""

    def step(machine: Machine, place: Place, environment: Environment, frame: Frame) -> Jump:
        after: Step = find_target
        return bounds[0], place[1], environment, (second, (place, environment, after), frame)

    def second(machine: Machine, start: Json, kept: Environment, frame: Frame) -> Jump:
        place, environment, _ = kept
        return bounds[1], place[1], environment, (find_target, (place, environment, start), frame)

    def find_target(machine: Machine, stop: Json, kept: Environment, frame: Frame) -> Jump:
        place, environment, start = kept
        return target, place, environment, (enter, (start, stop), frame)

    def enter(machine: Machine, place: Place, kept: Environment, frame: Frame) -> Jump:
        path, value = place
        wanted: Json = {"start": kept[0], "end": kept[1]}
        if path is None:
            raise raised(
                f"Invalid path expression near attempt to access element {shown(wanted)} of {shown(value)}"
            )
        check_path_length(path)
        inner = (*path, wanted), slice_of(value, kept[0], kept[1], machine.run.budget)
        return frame[0], inner, frame[1], frame[2]

    return step


def iterate_path(target: Step) -> Step:
    """`target[]` in path mode."""

    def step(machine: Machine, place: Place, environment: Environment, frame: Frame) -> Jump:
        return target, place, environment, (enter, None, frame)

    def enter(machine: Machine, place: Place, _: Environment, frame: Frame) -> Jump:
        path, value = place
        if path is None:
            raise raised(f"Invalid path expression near attempt to iterate through {shown(value)}")
        check_path_length(path)
        machine.run.budget.spend(len(value) if isinstance(value, list | dict) else 0)
        inner = iter([((*path, key), element) for key, element in keyed_elements(value)])
        return following(machine, None, inner, frame)

    return step


def get_path_step(path_argument: Step) -> Step:
    """`getpath(path)` in path mode."""

    def step(machine: Machine, place: Place, environment: Environment, frame: Frame) -> Jump:
        return path_argument, place[1], environment, (enter, place, frame)

    def enter(machine: Machine, wanted: Json, place: Place, frame: Frame) -> Jump:
        path, value = place
        found = get_path(value, wanted, machine.run.budget)
        if path is None:
            raise raised(f"Invalid path expression with result {shown(value)}")
        assert isinstance(wanted, list)
        return frame[0], ((*path, *wanted), found), frame[1], frame[2]

    return step


def combine_object(keys: int) -> Combine:
    """Builds an object of alternating keys and values."""

    def combine(run: Run, _: Json, *parts: Json) -> Json:
        made: dict[str, Json] = {}
        for position in range(0, 2 * keys, 2):
            key = parts[position]
            if not isinstance(key, str):
                raise bad_key(key)
            spend_reading(key, run.budget)
            made[key] = parts[position + 1]
        return made

    return combine


def bad_key(key: Json) -> RaisedError:
    """The error of an object key that is no string."""
    return raised(f"Cannot use {described(key)} as object key")
