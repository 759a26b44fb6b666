"""`run: shell`, `script` and `container`: programs, which the Action service runs or refuses to."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from tidemill import lanes
from tidemill.dsl.limits import SCRIPT_BYTES_MAX
from tidemill.engine.core.compiler import members
from tidemill.engine.core.documents import TextLimit
from tidemill.engine.core.durations import Duration
from tidemill.engine.core.entry import Entry
from tidemill.engine.core.events import ActionRequested, ActionState
from tidemill.engine.core.lifecycle import complete
from tidemill.engine.core.node import Place
from tidemill.engine.core.tasks.call import ActionNode
from tidemill.engine.core.views import FrameView
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn

PROCESSES: Final = ("shell", "script", "container")
_CONTAINER: Final = "container"
_LIFETIME: Final = "lifetime"
_STDOUT: Final = "stdout"
_SOURCE: Final = "source"
_CODE: Final = TextLimit("the code of a script", "SCRIPT_BYTES_MAX", SCRIPT_BYTES_MAX)
# What the name of a container may be made of; the runtimes agree on this.
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_NAME_CHARACTERS_MAX: Final = 200


class ProcessNode(ActionNode):
    """Its output is what `return` names of the process; its transformed input when it does not wait for it.

    The action is `run.shell`, `run.script` or `run.container`; its arguments are what stands in the task,
    with every expression evaluated, and `return` and `await` beside it. A script from outside is its code.
    """

    __slots__ = ("_action", "_after", "_awaited", "_code", "_given", "_is_container", "_returns")

    def __init__(self, place: Place, definition: dict[str, Json], compiler: "Compiler") -> None:
        super().__init__(place, definition, compiler)
        run = members(definition["run"])
        kind = process_kind(run)
        pointer = f"{place.reference}/run/{kind}"
        process = members(run[kind])
        lifetime = members(process.get(_LIFETIME))
        self._action = f"run.{kind}"
        self._awaited = run.get("await") is not False
        self._returns = run.get("return", _STDOUT)
        self._is_container = kind == _CONTAINER
        # How long a container stays is a duration, and nothing else in a process is.
        plain = {name: value for name, value in lifetime.items() if name != "after"}
        given: dict[str, Json] = {**process, **({_LIFETIME: plain} if plain else {})}
        # The code from outside is what it is, never an expression.
        source = given.pop(_SOURCE, None)
        self._code: str | None = None
        if source is not None:
            self._code = compiler.documents.text(source, f"{pointer}/{_SOURCE}/endpoint", _CODE)
        self._given = compiler.template(given, pointer)
        after = lifetime.get("after")
        self._after: Duration | None = compiler.optional_duration(after, f"{pointer}/{_LIFETIME}/after")

    def request(self, turn: "Turn", entry: Entry) -> ActionRequested:
        variables = entry.variables()
        given = turn.evaluate(self._given, entry.input.value, variables)
        assert isinstance(given, dict)
        arguments: dict[str, Json] = {**given, "return": self._returns, "await": self._awaited}
        if self._code is not None:
            arguments["code"] = self._code
        if self._after is not None:
            after_us = self._after.resolve(turn, entry.input, variables)
            arguments[_LIFETIME] = {**members(given.get(_LIFETIME)), "afterUs": after_us}
        if self._is_container and arguments.get("name") is None:
            arguments["name"] = self._container_name(turn, entry)
        return ActionRequested(self._action, turn.payload(arguments))

    def go_on(self, turn: "Turn", frame: FrameView) -> None:
        if self._awaited or not _succeeded(frame):
            super().go_on(turn, frame)
        else:
            complete(turn, self, frame, frame.input)

    def _container_name(self, turn: "Turn", entry: Entry) -> str:
        """A name as the specification recommends; each attempt has its own."""
        state = turn.state
        fields = (_CONTAINER, state.execution_id, self.reference, entry.activations, str(entry.attempt))
        name = f"{state.workflow}-{lanes.derived_uuid(fields)}.{state.namespace}-{self.name}"
        return _NO_NAME.sub("-", name)[:_NAME_CHARACTERS_MAX]


def process_kind(run: Mapping[str, Json]) -> str:
    """Which kind of process a `run` starts; empty when it starts none."""
    return next((kind for kind in PROCESSES if kind in run), "")


def _succeeded(frame: FrameView) -> bool:
    outcome = frame.outcome
    assert outcome is not None
    return outcome.state is ActionState.SUCCEEDED
