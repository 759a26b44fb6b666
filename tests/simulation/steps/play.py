"""What one scenario plays in: a whole Tidemill on a virtual clock, and the words in which its steps speak."""

import asyncio
from collections.abc import Coroutine
from typing import Final, TypeVar

from tests.simulation.actions import Effect
from tests.simulation.world import World
from tidemill.api.engine.v1.execution_pb2 import Execution
from tidemill.engine.settings import Settings

NAMESPACE: Final = "shop"
Result = TypeVar("Result")


class Play:
    """A world, and what the steps of a scenario have to remember of it."""

    def __init__(self, runner: asyncio.Runner, settings: Settings) -> None:
        self._runner = runner
        self.world = self.run(World(settings=settings).open())
        # When the story began: its first start or event.
        self.begun_us: int | None = None
        # The actions whose calls a step has looked at.
        self.seen: set[str] = set()

    def run(self, work: Coroutine[object, object, Result]) -> Result:
        """Do what takes time, but only in the world."""
        return self._runner.run(work)

    def begin(self) -> None:
        """Something happens: times are counted from the first time that it does."""
        if self.begun_us is None:
            self.begun_us = self.world.clock.now_us()

    def executions(self, workflow: str = "", subject: str | None = None) -> list[Execution]:
        """The executions of a workflow, for a subject, or all; oldest first."""
        return [
            execution
            for execution in self.run(self.world.executions(NAMESPACE))
            if workflow in ("", execution.workflow) and subject in (None, execution.subject)
        ]

    def execution(self, workflow: str | None = None, subject: str | None = None) -> Execution:
        """The one execution that a step means; there must be no other."""
        found = self.executions(workflow or "", subject)
        assert len(found) == 1, [(each.workflow, each.subject, each.phase) for each in found]
        return found[0]

    def effects(self, action: str) -> list[Effect]:
        """The calls that were made of an action; from now on they are not "anything else"."""
        self.seen.add(action)
        return [effect for effect in self.world.outside.effects if effect.action == action]
