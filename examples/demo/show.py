"""The demo from start to end."""

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from examples.demo import narration
from examples.demo.counting import judge, read_latencies
from examples.demo.events import JsonObject, read, with_repeats
from examples.demo.expectations import Expectation, expect
from examples.demo.sending import Sender
from examples.demo.stage import OwnStage, Stage, given, publish_workflows, staged
from examples.demo.table import Result, table
from examples.demo.watching import until_over
from tidemill.api.engine.v1.execution_pb2 import Execution
from tidemill.stack.layout import LOCAL_HOST
from tidemill.testing.effects import Temper
from tidemill.testing.provider import Provider

_BATCH_EVENTS: Final = 20
_REPEAT_EVERY: Final = 10
_PAUSE_SECONDS: Final = 0.2
_DOWN_SECONDS: Final = 0.5
_FAULTS_SHOWN_MAX: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """One run of the demo: how many events, how the provider behaves and where it listens, where to print."""

    events: int
    temper: Temper
    console: Console
    address: tuple[str, int] = (LOCAL_HOST, 0)

    async def run(self, data: Path | None) -> bool:
        """Run everything; whether nothing was lost or doubled.

        With `data` the services are started, have their files there, and one is killed midway; without, those
        that the environment names are taken as they are. Raises StackError when a service does not start, and
        UsedStackError.
        """
        events = read()[: self.events]
        expectation = expect(events)
        self._say(narration.starting(data))
        host, port = self.address
        with Provider(self.temper, host=host, port=port) as provider:
            async with staged(provider, data) if data else given(provider, os.environ) as stage:
                self._say(narration.started(stage))
                self._say(narration.outside(stage, self.temper))
                self._say(narration.published(await publish_workflows(stage.client)))
                begun = time.monotonic()
                executions = await self._under_load(stage, events, expectation)
                seconds = time.monotonic() - begun
                return await self._judge(stage, expectation, executions, seconds=seconds)

    async def _under_load(
        self, stage: Stage, events: list[JsonObject], expectation: Expectation
    ) -> list[Execution]:
        """Send the events, kill the Engine midway, wait for the end."""
        batches = with_repeats(events, batch_size=_BATCH_EVENTS, repeat_every=_REPEAT_EVERY)
        sender = Sender(stage.client, batches)
        self._say(narration.sending(sender, len(events), expectation))
        with _progress(self.console) as progress:
            bar = progress.add_task("effects", total=len(expectation.effects))

            def show(_closed: int, made: int) -> None:
                progress.update(bar, completed=made)

            async with asyncio.TaskGroup() as group:
                group.create_task(sender.run(pause_seconds=_PAUSE_SECONDS))
                if isinstance(stage, OwnStage):
                    group.create_task(self._kill_midway(stage, sender))
                while sender.acknowledged < sender.total:
                    show(0, stage.provider.effects().made)
                    await asyncio.sleep(_PAUSE_SECONDS)
            self._say(narration.sent(sender))
            return await until_over(stage, expectation, show)

    async def _kill_midway(self, stage: OwnStage, sender: Sender) -> None:
        await sender.until(sender.total // 2)
        await stage.stack.kill("engine")
        self._say(narration.killed(sender, stage.provider.effects().made))
        await asyncio.sleep(_DOWN_SECONDS)
        await stage.stack.restart("engine")
        self._say(narration.restarted(stage))

    async def _judge(
        self, stage: Stage, expectation: Expectation, executions: list[Execution], *, seconds: float
    ) -> bool:
        self._say(narration.over())
        verdict = judge(expectation, stage.provider.effects(), executions)
        latencies = await read_latencies(stage.client, executions)
        self.console.print(table(Result(verdict, latencies, seconds)))
        for fault in verdict.faults()[:_FAULTS_SHOWN_MAX]:
            self._say(fault)
        return verdict.holds

    def _say(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False)


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("effects made"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )
