"""More than the stack can do."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

import grpc

from tidemill.api.engine.v1.execution_service_pb2 import (
    StartRequest,
    SubmitCommand,
    SubmitRequest,
    SubmitResponse,
    SubmitResult,
)
from tidemill.api.engine.v1.execution_service_pb2_grpc import ExecutionServiceStub
from tidemill.bench.loads import until_closed
from tidemill.bench.pacing import offer
from tidemill.bench.sampling import Memory, Steps, memory_watched, steps_watched
from tidemill.bench.scenario import Cases, MeasureError, Scenario, Target
from tidemill.bench.stage import Stage
from tidemill.bench.workflows import NAMESPACE, Workflow, stepped
from tidemill.client.calls import Method
from tidemill.rpc import connect
from tidemill.unique import fresh_uuid

_CASE: Final = "overload"
_CALL_SECONDS_MAX: Final = 30.0
# As fast as before, for a machine whose pace is never quite the same.
_FULL_SPEED: Final = 0.9
_FULL_SPEED_AGAIN: Final = "full_speed_after_seconds"


@dataclass(frozen=True, kw_only=True)
class Overload(Scenario):
    """Three times the starts that it can do, by a client that takes a refusal for an answer: what is shed,
    what memory that takes, and how fast it is afterwards."""

    name = "overload"
    targets: ClassVar[Sequence[Target]] = (Target(case=_CASE, figure=_FULL_SPEED_AGAIN, at_most=5.0),)

    seconds: float = 60.0
    times: float = 3.0
    steps: int = 5
    # What it can do is measured first.
    executions: int = 2_000
    after_seconds: float = 5.0
    # Below the service's own limit, which takes longer to reach than anybody wants to measure.
    log_backlog_max: int = 1_000

    def settings(self) -> Mapping[str, str]:
        """The backlog of a shard from which on starts are refused."""
        return {"TIDEMILL_ENGINE_LOG_BACKLOG_MAX": str(self.log_backlog_max)}

    async def run(self, stage: Stage) -> Cases:
        """Full load, too much load, and the time after it."""
        full, workflow = stepped("overload-full", self.steps), stepped("overload", self.steps)
        await stage.publish(full, workflow)
        load = await stage.run_all(full, self.executions)
        before = self.executions * self.steps / load.seconds
        offered = self.times * self.executions / load.seconds
        stage.say(f"{offered:.0f} executions/s for {self.seconds:g} s")
        offering = _Offering(stage, workflow)
        async with memory_watched(stage.bed) as held, steps_watched(stage.bed.action_metrics) as steps:
            begun = time.perf_counter()
            await offering.offer(per_s=offered, seconds=self.seconds)
            ended = time.perf_counter()
            await asyncio.sleep(self.after_seconds)
            await offering.learn()
            await until_closed(stage.client, workflow.name, offering.results)
        if not offering.counts["shed"]:
            raise MeasureError("nothing was shed: offer more, or for longer")
        after = steps.rate(ended, ended + self.after_seconds)
        rates = {
            "offered_executions_per_s": offered,
            "before_steps_per_s": before,
            "during_steps_per_s": steps.rate(begun, ended),
            "after_steps_per_s": after,
            "after_to_before_ratio": after / before,
        }
        figures = {name: round(value, 2) for name, value in rates.items()}
        figures |= self._full_speed(steps, ended, before)
        return {_CASE: {**figures, **offering.figures(), **_memory(held)}}

    def _full_speed(self, steps: Steps, ended: float, before: float) -> dict[str, float]:
        at = steps.reached(_FULL_SPEED * before, after=ended, window_seconds=1.0)
        return {} if at is None else {_FULL_SPEED_AGAIN: round(at - ended, 2)}


@dataclass(slots=True)
class _Offering:
    """Starts that are sent once each, and what became of them."""

    stage: Stage
    workflow: Workflow
    counts: Counter[str] = field(default_factory=Counter)
    unknown: list[StartRequest] = field(default_factory=list)
    results: list[SubmitResult] = field(default_factory=list)

    async def offer(self, *, per_s: float, seconds: float) -> None:
        """Send so many in a second, whatever becomes of them."""
        channel = connect(self.stage.client.addresses.engine)
        stub = ExecutionServiceStub(channel)
        try:
            self.counts["offered"] = await offer(
                lambda count: self._send(stub.Submit, count), per_s=per_s, seconds=seconds
            )
        finally:
            await channel.close()

    async def learn(self) -> None:
        """Send again, under the same request ids, what was answered neither way: it is not to be doubled."""
        self.results += await self.stage.submit(self.workflow, self.unknown)

    def figures(self) -> dict[str, float]:
        """How many there were."""
        shed_percent = round(100 * self.counts["shed"] / self.counts["offered"], 1)
        found = {f"{what}_executions": float(self.counts[what]) for what in ("offered", "accepted", "shed")}
        return {**found, "unanswered_executions": float(len(self.unknown)), "shed_percent": shed_percent}

    async def _send(self, method: Method[SubmitRequest, SubmitResponse], count: int) -> None:
        starts = [self._start() for _ in range(count)]
        request = SubmitRequest(
            namespace=NAMESPACE, commands=[SubmitCommand(start=start) for start in starts]
        )
        try:
            answer = await method(request, timeout=_CALL_SECONDS_MAX)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
                self.counts["shed"] += count
            else:
                self.unknown += starts
            return
        accepted = [result for result in answer.results if not result.HasField("error")]
        self.stage.journal.accepted(self.workflow, accepted)
        self.results += accepted
        self.counts["accepted"] += len(accepted)
        self.counts["shed"] += count - len(accepted)

    def _start(self) -> StartRequest:
        start = self.workflow.start()
        start.request_id = fresh_uuid()
        return start


def _memory(held: Mapping[str, Memory]) -> dict[str, float]:
    return {
        f"{when}_rss_mb.{name}": round(value, 1)
        for name, memory in held.items()
        for when, value in (("start", memory.start_mb), ("max", memory.max_mb), ("end", memory.end_mb))
    }
