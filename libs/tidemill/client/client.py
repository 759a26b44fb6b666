"""The client: one channel to each service, and the services' methods grouped by what they are about."""

from types import TracebackType
from typing import Self

from tidemill.client.actions import Actions
from tidemill.client.addresses import Addresses
from tidemill.client.awaited import add_types, untyped
from tidemill.client.calls import Caller, Patience
from tidemill.client.dead_letters import DeadLetters
from tidemill.client.definitions import Definitions
from tidemill.client.events import Events, Triggers
from tidemill.client.executions import CLOSED_PHASES, Executions
from tidemill.client.lifecycle import Lifecycle
from tidemill.client.namespaces import Namespaces
from tidemill.client.report import execution_report
from tidemill.json import Json
from tidemill.namespaces import ANY_NAMESPACE
from tidemill.rpc import RpcOptions, connect


class Client:
    """Talks to a running system. Nothing connects before its first call; use it inside `async with`."""

    def __init__(
        self, addresses: Addresses, *, patience: Patience | None = None, options: RpcOptions | None = None
    ) -> None:
        patience = patience or Patience()
        self.addresses = addresses
        self._engine = connect(addresses.engine, options)
        self._triggers = connect(addresses.triggers, options)
        self._actions = connect(addresses.actions, options)
        engine = Caller(addresses.engine, patience)
        triggers = Caller(addresses.triggers, patience)
        self.definitions = Definitions(self._engine, engine)
        self.executions = Executions(self._engine, engine)
        self.dead_letters = DeadLetters(self._engine, engine)
        self.lifecycle = Lifecycle(self._engine, engine)
        self.namespaces = Namespaces(self._engine, engine)
        self.events = Events(self._triggers, triggers)
        self.triggers = Triggers(self._triggers, triggers)
        self.actions = Actions(self._actions, Caller(addresses.actions, patience))

    async def report(self, execution_id: str, *, namespace: str = ANY_NAMESPACE) -> Json:
        """An execution with the runs of its tasks: what `get --json` prints. Raises TidemillError."""
        report = await self._report(execution_id, namespace)
        if untyped(report):
            from tidemill.dsl import load

            name = (str(report["namespace"]), str(report["workflow"]), str(report["version"]))
            add_types(report, load((await self.definitions.get(*name)).document))
        return report

    async def _report(self, execution_id: str, namespace: str) -> dict[str, Json]:
        execution = await self.executions.get(execution_id, namespace=namespace)
        while True:
            events = await self.executions.history(execution_id, namespace=namespace)
            if execution.phase in CLOSED_PHASES:
                return execution_report(execution, events)
            # The phase may have moved on while the history was read: both must tell the same story.
            seen, execution = execution, await self.executions.get(execution_id, namespace=namespace)
            if execution.phase == seen.phase:
                return execution_report(execution, events)

    async def close(self) -> None:
        """Close the channels; calls under way are cancelled."""
        for channel in (self._engine, self._triggers, self._actions):
            await channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
