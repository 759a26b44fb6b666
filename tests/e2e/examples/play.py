"""Plays cases of examples in a running stack, all at once: each has a namespace of its own."""

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, cast

from tests.e2e.documents import in_namespace
from tests.e2e.examples.case import Asked, Case, Seen
from tests.e2e.running import Report
from tests.waiting import eventually
from tidemill.api.engine.v1 import execution_pb2
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.engine.v1.definition_service_pb2 import Definition
from tidemill.api.events.v1.payload_pb2 import CloudEvent, Payload
from tidemill.client.client import Client
from tidemill.json import Json, dumps

SECONDS_MAX: Final = 90.0
_HEARER: Final = """\
document: {{dsl: '1.0.3', namespace: here, name: hearer, version: '1.0.0'}}
schedule: {{on: {{one: {{with: {{type: {type}}}}}}}, read: envelope}}
do:
- keep: {{set: {{heard: '${{ $workflow.input[0] }}'}}}}
"""


@dataclass(frozen=True)
class Stage:
    """Where cases play: the stack's client, the calls that the stub saw of an execution, and the file where
    the stand-in for a container runtime notes what it was asked."""

    client: Client
    asked_of: Callable[[str], list[Asked]]
    containers: Path

    async def play(self, name: str, document: str, case: Case) -> Seen:
        """Publish, start, feed and await one case; its namespace has its name."""
        async with asyncio.timeout(SECONDS_MAX):
            for text in (*case.also, *([_HEARER.format(type=case.hears)] if case.hears else [])):
                await self._publish(name, text)
            definition = await self._publish(name, _changed(document, case))
            execution_id = await self._begun(definition, case)
            if case.events and not case.started_by_event:
                await self._feed(execution_id, name, case)
            if case.ends_never:
                wanted = len(case.asked)
                await eventually(lambda: len(self.asked_of(execution_id)) >= wanted, seconds=SECONDS_MAX)
                await self._cancel(execution_id)
            await self.client.executions.wait_closed(execution_id)
            emitted = [await self._heard(name)] if case.hears else []
            report = await self._report(execution_id)
        return Seen(report, self.asked_of(execution_id), emitted, self._containers_of(execution_id))

    async def _publish(self, namespace: str, text: str) -> Definition:
        answer = await self.client.definitions.publish(in_namespace(namespace, text).encode())
        return answer.definition

    async def _begun(self, definition: Definition, case: Case) -> str:
        if case.started_by_event:
            await self._tell(definition.namespace, case)
            return await self._only(definition.namespace, definition.name)
        request = pb.StartRequest(
            namespace=definition.namespace,
            workflow=definition.name,
            version=definition.version,
            subject=case.subject,
            input=None if case.given is None else Payload(data=dumps(case.given)),
        )
        started = await self.client.executions.start(request)
        # What is started is not yet stored.
        return (
            await self.client.executions.get(started.execution_id, at_least=started.position)
        ).execution_id

    async def _feed(self, execution_id: str, namespace: str, case: Case) -> None:
        await eventually(lambda: self._waits(execution_id), seconds=SECONDS_MAX)
        if not case.heard_first:
            await self._tell(namespace, case)
            return
        before = len(await self.client.executions.history(execution_id))

        async def has_heard() -> bool:
            return len(await self.client.executions.history(execution_id)) > before

        await self._tell(namespace, case, slice(1))
        await eventually(has_heard, seconds=SECONDS_MAX)
        await self._tell(namespace, case, slice(1, None))

    async def _tell(self, namespace: str, case: Case, part: slice = slice(None)) -> None:
        """One after the other, so that they arrive in their order."""
        for number, event in [*enumerate(case.events)][part]:
            sent = CloudEvent(
                id=f"event-{number}",
                source=event.source,
                type=event.type,
                subject=case.subject,
                data=dumps(event.data),
                extensions=event.extensions,
            )
            await self.client.events.publish(namespace, [sent])

    async def _only(self, namespace: str, workflow: str) -> str:
        """The one execution of a workflow, once it is there."""
        found: list[execution_pb2.Execution] = []

        async def is_there() -> bool:
            request = pb.ExecutionServiceListRequest(namespace=namespace, workflow=workflow)
            found[:] = [each async for page in self.client.executions.pages(request) for each in page]
            return bool(found)

        await eventually(is_there, seconds=SECONDS_MAX)
        [execution] = found
        return execution.execution_id

    async def _waits(self, execution_id: str) -> bool:
        execution = await self.client.executions.get(execution_id)
        return execution.phase == execution_pb2.EXECUTION_PHASE_WAITING

    async def _cancel(self, execution_id: str) -> None:
        namespace = (await self.client.executions.get(execution_id)).namespace
        request = pb.CancelRequest(namespace=namespace, execution_id=execution_id, reason="seen enough")
        await self.client.executions.cancel(request)

    async def _heard(self, namespace: str) -> Json:
        """The event, as the workflow that waits for its type was started by it."""
        execution_id = await self._only(namespace, "hearer")
        await self.client.executions.wait_closed(execution_id)
        heard: Json = (await self._report(execution_id)).output["heard"]
        return heard

    async def _report(self, execution_id: str) -> Report:
        report = cast("dict[str, Any]", await self.client.report(execution_id))
        return Report(**{field.name: report[field.name] for field in fields(Report)})

    def _containers_of(self, execution_id: str) -> list[list[str]]:
        lines = self.containers.read_text().splitlines() if self.containers.exists() else []
        return [json.loads(line) for line in lines if execution_id in line]


def _changed(document: str, case: Case) -> str:
    if case.changed is None:
        return document
    wrong, right, _ = case.changed
    changed, replaced = re.subn(re.escape(wrong), lambda _: right, document)
    assert replaced == 1, f"the example does not say {wrong!r} once any more"
    return changed
