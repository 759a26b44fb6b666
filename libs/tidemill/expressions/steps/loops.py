"""Steps that run a body once for each output of a source: collecting, reduce, foreach, paths, updates."""

from tidemill.expressions.editor import Editor
from tidemill.expressions.machine import Environment, Frame, Jump, Machine, Place, Register, Step
from tidemill.expressions.operators import SLOT_BYTES
from tidemill.expressions.steps.flow import first_of
from tidemill.expressions.values import raised, shown
from tidemill.json import Json

_PATH_KEY_BYTES = 8


def collect(body: Step) -> Step:
    """`[body]`"""

    def step(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
        items: list[Json] = []
        machine.choose(done, items, None, frame)
        return body, register, environment, (keep, items, frame)

    def keep(machine: Machine, value: Json, items: list[Json], _: Frame) -> Jump:
        machine.run.budget.produce(SLOT_BYTES)
        items.append(value)
        return machine.backtrack()

    def done(machine: Machine, items: list[Json], _: Environment, frame: Frame) -> Jump:
        return frame[0], items, frame[1], frame[2]

    return step


def bind(source: Step, body: Step, *, path_mode: bool) -> Step:
    """`source as $name | body`"""

    def step(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
        subject = register[1] if path_mode else register
        return source, subject, environment, (enter, (register, environment), frame)

    def enter(machine: Machine, value: Json, kept: Environment, frame: Frame) -> Jump:
        return body, kept[0], (value, kept[1]), frame

    return step


def reduce(source: Step, start: Step, update: Step, *, path_mode: bool) -> Step:
    """`reduce source as $name (start; update)`: the last state; an update without output makes it null."""

    def step(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
        return start, register, environment, (begin, (register, environment), frame)

    def begin(machine: Machine, state: Register, kept: Environment, frame: Frame) -> Jump:
        register, environment = kept
        cell = [state]
        machine.choose(done, cell, None, frame)
        subject = register[1] if path_mode else register
        return source, subject, environment, (enter, (cell, environment), frame)

    def enter(machine: Machine, value: Json, kept: Environment, frame: Frame) -> Jump:
        cell, environment = kept
        state = cell[0]
        cell[0] = ((), None) if path_mode else None
        return update, state, (value, environment), (keep, cell, frame)

    def keep(machine: Machine, state: Register, cell: list[Register], _: Frame) -> Jump:
        cell[0] = state
        return machine.backtrack()

    def done(machine: Machine, cell: list[Register], _: Environment, frame: Frame) -> Jump:
        return frame[0], cell[0], frame[1], frame[2]

    return step


def foreach(source: Step, start: Step, update: Step, extract: Step, *, path_mode: bool) -> Step:
    """`foreach source as $name (start; update; extract)`: the extracts of every state."""

    def step(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
        return start, register, environment, (begin, (register, environment), frame)

    def begin(machine: Machine, state: Register, kept: Environment, frame: Frame) -> Jump:
        register, environment = kept
        subject = register[1] if path_mode else register
        return source, subject, environment, (enter, ([state], environment), frame)

    def enter(machine: Machine, value: Json, kept: Environment, frame: Frame) -> Jump:
        cell, environment = kept
        inner = (value, environment)
        return update, cell[0], inner, (keep, (cell, inner), frame)

    def keep(machine: Machine, state: Register, kept: Environment, frame: Frame) -> Jump:
        cell, environment = kept
        cell[0] = state
        return extract, state, environment, frame

    return step


def last_of(body: Step) -> Step:
    """`last(body)`: no output when the body has none."""

    def step(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
        cell: list[Register] = []
        machine.choose(done, cell, None, frame)
        return body, register, environment, (keep, cell, frame)

    def keep(machine: Machine, value: Register, cell: list[Register], _: Frame) -> Jump:
        cell[:] = [value]
        return machine.backtrack()

    def done(machine: Machine, cell: list[Register], _: Environment, frame: Frame) -> Jump:
        return (frame[0], cell[0], frame[1], frame[2]) if cell else machine.backtrack()

    return step


def path_of(body: Step) -> Step:
    """`path(body)`, with the body in path mode."""

    def step(machine: Machine, value: Json, environment: Environment, frame: Frame) -> Jump:
        return body, ((), value), environment, (give, None, frame)

    def give(machine: Machine, place: Place, _: Environment, frame: Frame) -> Jump:
        return frame[0], _path_in(machine, place), frame[1], frame[2]

    return step


def _path_in(machine: Machine, place: Place) -> list[Json]:
    path, value = place
    if path is None:
        raise raised(f"Invalid path expression with result {shown(value)}")
    machine.run.budget.produce(_PATH_KEY_BYTES * (1 + len(path)))
    return list(path)


def assign(paths: Step, value: Step) -> Step:
    """`paths = $value`: the same value at every path."""

    def step(machine: Machine, register: Json, environment: Environment, frame: Frame) -> Jump:
        return value, register, environment, (begin, (register, environment), frame)

    def begin(machine: Machine, new: Json, kept: Environment, frame: Frame) -> Jump:
        register, environment = kept
        editor = Editor(register, machine.run.budget)
        machine.choose(done, editor, None, frame)
        return paths, ((), register), environment, (put, (editor, new), frame)

    def put(machine: Machine, place: Place, kept: Environment, _: Frame) -> Jump:
        editor, new = kept
        editor.set(_path_in(machine, place), new)
        return machine.backtrack()

    def done(machine: Machine, editor: Editor, _: Environment, frame: Frame) -> Jump:
        return frame[0], editor.root, frame[1], frame[2]

    return step


def modify(paths: Step, update: Step) -> Step:
    """`paths |= update`: its first output; where it has none the path is deleted, all at the end."""
    first_update = first_of(update)

    def step(machine: Machine, register: Json, environment: Environment, frame: Frame) -> Jump:
        editor = Editor(register, machine.run.budget)
        deleted: list[Json] = []
        machine.choose(done, (editor, deleted), None, frame)
        return paths, ((), register), environment, (change, (editor, deleted, environment), frame)

    def change(machine: Machine, place: Place, kept: Environment, frame: Frame) -> Jump:
        editor, deleted, environment = kept
        path = _path_in(machine, place)
        machine.choose(without_output, (deleted, path), None, frame)
        after: Frame = (put, (editor, path, len(machine.choices)), frame)
        return first_update, editor.get(path), environment, after

    def put(machine: Machine, value: Json, kept: Environment, _: Frame) -> Jump:
        editor, path, height = kept
        del machine.choices[height - 1 :]
        editor.set(path, value)
        return machine.backtrack()

    def without_output(machine: Machine, kept: Register, _: Environment, _frame: Frame) -> Jump:
        deleted, path = kept
        deleted.append(path)
        return machine.backtrack()

    def done(machine: Machine, kept: Register, _: Environment, frame: Frame) -> Jump:
        editor, deleted = kept
        if deleted:
            editor.delete(deleted)
        return frame[0], editor.root, frame[1], frame[2]

    return step
