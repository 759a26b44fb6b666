"""`split`: one of several branches by weight, always the same one for the same subject."""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tidemill.engine.core.compiler import members
from tidemill.engine.core.faults import fault
from tidemill.engine.core.lifecycle import complete_with, variables_inside
from tidemill.engine.core.node import Place, TaskNode
from tidemill.engine.core.views import FrameView, StateView
from tidemill.json import Json

if TYPE_CHECKING:
    from tidemill.engine.core.compiler import Compiler
    from tidemill.engine.core.turn import Turn


class SplitNode(TaskNode):
    """Its output is `{branch: name}`.

    Nothing is stored: the branch follows from the workflow, the task's reference and the subject (the
    execution's id where it has none), whatever the version. A branch has the share that its weight is of all.
    """

    __slots__ = ("_branches",)

    def __init__(self, place: Place, definition: dict[str, Json], compiler: "Compiler") -> None:
        super().__init__(place, definition, compiler)
        branches = members(definition.get("with")).get("branches")
        self._branches = compiler.template(branches, f"{place.reference}/with/branches")

    def begin(self, turn: "Turn", frame: FrameView) -> None:
        variables = variables_inside(turn, self, frame)
        branches = _branches(turn.evaluate(self._branches, frame.input.value, variables))
        total = sum(weight for _, weight in branches)
        complete_with(turn, self, frame, {"branch": _at(branches, _hash(turn.state, self.pointer) % total)})


def _branches(value: Json) -> list[tuple[str, int]]:
    branches = [_branch(item) for item in value] if isinstance(value, list) else []
    if len({name for name, _ in branches}) < len(branches):
        raise fault("expression", "the branches of `split` must have names of their own")
    if not any(weight for _, weight in branches):
        raise fault("expression", "`split` needs a branch with a weight above 0")
    return branches


def _branch(item: Json) -> tuple[str, int]:
    name, weight = members(item).get("name"), members(item).get("weight")
    if not isinstance(name, str) or not name:
        raise fault("expression", "the name of a branch of `split` must be text")
    if not isinstance(weight, int) or isinstance(weight, bool) or weight < 0:
        raise fault("expression", "the weight of a branch of `split` must be a whole number, at least 0")
    return name, weight


def _at(branches: Sequence[tuple[str, int]], position: int) -> str:
    for name, weight in branches:
        if position < weight:
            return name
        position -= weight
    raise AssertionError("a position below the total weight is in a branch")


def _hash(state: StateView, reference: str) -> int:
    """A number that the fields decide; each is written with its length, so that no two lists are alike."""
    who = ("subject", state.subject) if state.subject else ("execution", state.execution_id)
    digest = hashlib.sha256()
    for field in (state.namespace, state.workflow, reference, *who):
        encoded = field.encode()
        digest.update(len(encoded).to_bytes(4, "big"))
        digest.update(encoded)
    return int.from_bytes(digest.digest(), "big")
