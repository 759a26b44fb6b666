"""Steps for what directs the flow: pipe, comma, conditions, errors, labels."""

from tidemill.expressions.machine import Environment, Frame, Jump, Machine, Place, Register, Step
from tidemill.expressions.values import described, is_number, is_truthy, order_of_scalar, raised
from tidemill.json import Json


def constant(value: Json) -> Step:
    """One output, whatever the input."""

    def step(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
        return frame[0], value, frame[1], frame[2]

    return step


def identity(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
    """`.`, in both modes."""
    return frame[0], register, frame[1], frame[2]


def empty(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
    """No output."""
    return machine.backtrack()


def pipe(left: Step, right: Step) -> Step:
    """Each output of left is the input of right."""

    def step(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
        return left, register, environment, (right, environment, frame)

    return step


def comma(left: Step, right: Step) -> Step:
    """The outputs of left, then those of right."""

    def step(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
        machine.choose(right, register, environment, frame)
        return left, register, environment, frame

    return step


def detached(value_step: Step) -> Step:
    """A value in path mode: it stands nowhere, unless it is the very value that the path has reached."""

    def step(machine: Machine, place: Place, environment: Environment, frame: Frame) -> Jump:
        return value_step, place[1], environment, (wrap, place, frame)

    def wrap(machine: Machine, value: Json, place: Place, frame: Frame) -> Jump:
        same = value is place[1] and (value is None or isinstance(value, bool | list | dict))
        return frame[0], place if same else (None, value), frame[1], frame[2]

    return step


def condition(test: Step, consequence: Step, otherwise: Step, *, path_mode: bool) -> Step:
    """`if`: one branch for each output of the test."""

    def step(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
        subject = register[1] if path_mode else register
        return test, subject, environment, (decide, (register, environment), frame)

    def decide(machine: Machine, outcome: Json, kept: Environment, frame: Frame) -> Jump:
        return consequence if is_truthy(outcome) else otherwise, kept[0], kept[1], frame

    return step


def logical(left: Step, right: Step, *, decisive: bool) -> Step:
    """`and` (decided by false) and `or` (decided by true)."""

    def step(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
        return left, register, environment, (decide, (register, environment), frame)

    def decide(machine: Machine, outcome: Json, kept: Environment, frame: Frame) -> Jump:
        if is_truthy(outcome) is decisive:
            return frame[0], decisive, frame[1], frame[2]
        return right, kept[0], kept[1], (truth, None, frame)

    def truth(machine: Machine, outcome: Json, _: Environment, frame: Frame) -> Jump:
        return frame[0], is_truthy(outcome), frame[1], frame[2]

    return step


def alternative(left: Step, right: Step, *, path_mode: bool) -> Step:
    """`//`: the true outputs of left, or else right. Errors of left end its outputs."""

    def step(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
        found = [False]
        machine.choose(exhausted, (found, register), environment, frame)
        return left, register, environment, (keep, found, frame)

    def keep(machine: Machine, value: Register, found: list[bool], frame: Frame) -> Jump:
        if not is_truthy(value[1] if path_mode else value):
            return machine.backtrack()
        found[0] = True
        return frame[0], value, frame[1], frame[2]

    def exhausted(machine: Machine, kept: Register, environment: Environment, frame: Frame) -> Jump:
        found, register = kept
        return machine.backtrack() if found[0] else (right, register, environment, frame)

    return step


def attempt(body: Step, handler: Step | None, *, path_mode: bool) -> Step:
    """`try`: errors of the body go to the handler, those of what follows do not."""

    def step(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
        outer = machine.handlers
        machine.handlers = (caught, register, environment, frame, len(machine.choices), outer)
        return body, register, environment, (leave, outer, frame)

    def leave(machine: Machine, value: Register, outer: Environment, frame: Frame) -> Jump:
        machine.handlers = outer
        return frame[0], value, frame[1], frame[2]

    def caught(machine: Machine, kept: Register, environment: Environment, frame: Frame) -> Jump:
        if handler is None:
            return machine.backtrack()
        return handler, (None, kept[0]) if path_mode else kept[0], environment, frame

    return step


def fallback(first: Step, second: Step) -> Step:
    """First, and on an error second with the same input: one `?//`."""

    def step(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
        outer = machine.handlers
        machine.handlers = (caught, register, environment, frame, len(machine.choices), outer)
        return first, register, environment, (leave, outer, frame)

    def leave(machine: Machine, value: Register, outer: Environment, frame: Frame) -> Jump:
        machine.handlers = outer
        return frame[0], value, frame[1], frame[2]

    def caught(machine: Machine, kept: Register, environment: Environment, frame: Frame) -> Jump:
        return second, kept[1], environment, frame

    return step


def label(body: Step) -> Step:
    """`label $name | body`: the label is the height of the choices to go back to."""

    def step(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
        return body, register, (len(machine.choices), environment), frame

    return step


def break_to(steps_out: int) -> Step:
    """`break $name`: forget the choices made since the label."""

    def step(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
        for _ in range(steps_out):
            environment = environment[1]
        del machine.choices[environment[0] :]
        return machine.backtrack()

    return step


def first_of(body: Step) -> Step:
    """`first(body)`"""

    def step(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
        return body, register, environment, (cut, len(machine.choices), frame)

    def cut(machine: Machine, value: Register, height: int, frame: Frame) -> Jump:
        del machine.choices[height:]
        return frame[0], value, frame[1], frame[2]

    return step


def limit_of(count: Step, body: Step, *, path_mode: bool) -> Step:
    """`limit(count; body)`: that many outputs, and no work beyond them."""

    def step(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
        subject = register[1] if path_mode else register
        return count, subject, environment, (begin, (register, environment), frame)

    def begin(machine: Machine, wanted: Json, kept: Environment, frame: Frame) -> Jump:
        if checked_count(wanted, "limit") == 0:
            return machine.backtrack()
        cell = [wanted]
        return body, kept[0], kept[1], (take, (cell, len(machine.choices)), frame)

    def take(machine: Machine, value: Register, kept: Environment, frame: Frame) -> Jump:
        cell, height = kept
        cell[0] -= 1
        if cell[0] <= 0:
            del machine.choices[height:]
        return frame[0], value, frame[1], frame[2]

    return step


def skip_of(count: Step, body: Step, *, path_mode: bool) -> Step:
    """`skip(count; body)`: the outputs after that many."""

    def step(machine: Machine, register: Register, environment: Environment, frame: Frame) -> Jump:
        subject = register[1] if path_mode else register
        return count, subject, environment, (begin, (register, environment), frame)

    def begin(machine: Machine, wanted: Json, kept: Environment, frame: Frame) -> Jump:
        return body, kept[0], kept[1], (drop, [checked_count(wanted, "skip")], frame)

    def drop(machine: Machine, value: Register, cell: list[float], frame: Frame) -> Jump:
        cell[0] -= 1
        return machine.backtrack() if cell[0] >= 0 else (frame[0], value, frame[1], frame[2])

    return step


def checked_count(wanted: Json, name: str) -> float:
    """How many outputs an author asked for; raises RaisedError for what is no count."""
    if order_of_scalar(wanted, 0) < 0:
        raise raised(f"{name} doesn't support negative count")
    if is_number(wanted):
        return wanted
    raise raised(f"{described(wanted)} and number (1) cannot be subtracted")
