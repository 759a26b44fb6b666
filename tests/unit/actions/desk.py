"""A dispatcher on a memory ledger and a clock that stands still, with actions that a test lets go."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from tests.claim_checks import in_memory
from tests.unit.actions.samples import NOW_US, call
from tidemill.action_kit import EffectClass
from tidemill.actions.adapters.builtin import BUILTIN_FUNCTIONS
from tidemill.actions.adapters.functions import function_action
from tidemill.actions.adapters.threads import Threads
from tidemill.actions.core.admission import Admission, AdmissionLimits
from tidemill.actions.core.model import (
    ActionState,
    Answer,
    Call,
    Cancellation,
    Completed,
    Outcome,
    Undelivered,
)
from tidemill.actions.ledger.memory import MemoryLedger
from tidemill.actions.ledger.port import Alone, Ledger, Replicas
from tidemill.actions.registry import Action, ActionSpec, Registry
from tidemill.actions.runtime.dispatch import Dispatcher
from tidemill.actions.runtime.meters import Meters
from tidemill.actions.runtime.parts import Parts
from tidemill.actions.runtime.presence import Presence
from tidemill.actions.runtime.running import Runner
from tidemill.actions.secrets import Secrets
from tidemill.actions.settings import Settings
from tidemill.clock import ManualClock, settle
from tidemill.telemetry.metrics import Metrics
from tidemill.telemetry.tracing import NoTracing

TIMEOUT_US = 60_000_000
DONE = Outcome(ActionState.SUCCEEDED, b'"done"')


class Gated:
    """An action whose calls wait until the test lets them go; remembers each time that it ran."""

    def __init__(self, name: str, effect_class: EffectClass = EffectClass.ONCE) -> None:
        self.ran: list[tuple[str, int]] = []
        self.stopped: list[str] = []
        self._gates: dict[str, asyncio.Future[Outcome]] = {}
        spec = ActionSpec(name=name, effect_class=effect_class, timeout_us=TIMEOUT_US, rate_group=name)
        self.action = Action(spec, self.run)

    async def run(self, one: Call) -> Outcome:
        self.ran.append((one.key, one.attempt))
        gate: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._gates[one.key] = gate
        try:
            return await gate
        except asyncio.CancelledError:
            self.stopped.append(one.key)
            raise

    def let_go(self, key: str, outcome: Outcome = DONE) -> None:
        self._gates.pop(key).set_result(outcome)

    def fail(self, key: str, error: Exception) -> None:
        self._gates.pop(key).set_exception(error)


class Mailbox:
    """Somebody who waits for answers."""

    def __init__(self) -> None:
        self.is_open = True
        self.answers: list[Answer] = []

    def answer(self, answer: Answer) -> None:
        self.answers.append(answer)

    def take(self) -> Answer:
        """The one answer that has come since the last time."""
        [answer] = self.answers
        self.answers.clear()
        return answer

    def outcome(self) -> Outcome:
        answer = self.take()
        assert isinstance(answer, Completed), answer
        return answer.outcome

    def undelivered(self) -> Undelivered:
        answer = self.take()
        assert isinstance(answer, Undelivered), answer
        return answer


class Desk:
    """Everything around one dispatcher."""

    def __init__(
        self,
        *gated: Gated,
        ledger: Ledger | None = None,
        replicas: Replicas | None = None,
        admission: AdmissionLimits | None = None,
        **limits: int,
    ) -> None:
        self.ledger = ledger or MemoryLedger()
        self.clock = ManualClock(NOW_US)
        self.metrics = Metrics()
        self.box = Mailbox()
        self.settings = replace(Settings(), **limits)  # type: ignore[arg-type]
        self.presence = Presence(replicas or Alone(), "test", Meters(self.metrics))
        self.check = in_memory(self.settings.payload_inline_bytes_max)
        self.dispatcher = Dispatcher(self._parts(gated), Admission(admission or _limits(self.settings)))

    def _parts(self, gated: Iterable[Gated]) -> Parts:
        threads = Threads(self.metrics, threads_max=2, lost_max=2)
        functions = [function_action(function, threads) for function in BUILTIN_FUNCTIONS]
        runner = Runner(
            NoTracing(),
            Secrets({"TIDEMILL_SECRET.shop.token": "t0p-secret"}, bytes_max=100).find,
            timeout_us_max=self.settings.call_timeout_us_max,
            output_bytes_max=self.settings.output_bytes_max,
        )
        return Parts(
            ledger=self.ledger,
            check=self.check,
            presence=self.presence,
            registry=Registry([*functions, *(one.action for one in gated)]),
            runner=runner,
            clock=self.clock,
            meters=Meters(self.metrics),
            settings=self.settings,
        )

    async def offer(self, *calls: Call, box: Mailbox | None = None) -> None:
        self.dispatcher.offer(box or self.box, calls)
        await self.settle()

    async def cancel(self, key: str, attempt: int = 1, box: Mailbox | None = None) -> None:
        self.dispatcher.cancel(box or self.box, [Cancellation(key, attempt)])
        await self.settle()

    async def settle(self) -> None:
        """Let everything run that can without time passing."""
        await settle()
        while await self.dispatcher.recorder.run_once():
            await settle()

    async def outcome_of(self, one: Call) -> Outcome:
        """Offer a call and get its outcome at once."""
        await self.offer(one)
        return self.box.outcome()

    def counted(self, name: str) -> float:
        """The value of a metric, summed over its labels."""
        lines = [line for line in self.metrics.text().splitlines() if line.startswith(name)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def _limits(settings: Settings) -> AdmissionLimits:
    return AdmissionLimits(
        in_flight_max=settings.calls_in_flight_max,
        namespace_in_flight_max=settings.namespace_calls_in_flight_max,
        group_in_flight_max=settings.group_calls_in_flight_max,
        queued_max=settings.calls_queued_max,
        namespace_queued_max=settings.namespace_calls_queued_max,
    )


def gated_call(action: str, key: str = "k", attempt: int = 1, **changes: object) -> Call:
    """A call of a gated action."""
    return call(key, attempt, action=action, **changes)
