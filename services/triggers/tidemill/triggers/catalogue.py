"""The catalogue as this process knows it: the index in force, and whether it may still be believed."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from tidemill.api.engine.v1.definition_service_pb2 import Definition, WatchDefinitionsResponse
from tidemill.clock import Clock
from tidemill.errors import TidemillError
from tidemill.events.listen import Listen
from tidemill.telemetry import names
from tidemill.telemetry.logging import get_logger
from tidemill.telemetry.metrics import Metrics
from tidemill.triggers.core.conditions import ConditionError, EvaluationError, Reading, StartCondition
from tidemill.triggers.core.index import TriggerIndex
from tidemill.triggers.errors import CATALOGUE, NotReadyError
from tidemill.versions import Version

# Reads a published document's start condition; raises ConditionError or TidemillError.
ReadCondition = Callable[[bytes], StartCondition]

_NO_TIME: Final = -1
_log = get_logger(__name__)


class Catalogue:
    """Takes the messages of one stream after another, and answers with an index only while it is current.

    Current means: a whole snapshot is in force, and the Engine has confirmed it within `silence_us_max`. The
    Engine waits for a watcher no longer than its lease, so an older index may lack what was published since.
    """

    def __init__(
        self, read_condition: ReadCondition, *, clock: Clock, metrics: Metrics, silence_us_max: int
    ) -> None:
        self._read_condition = read_condition
        self._clock = clock
        self._silence_us_max = silence_us_max
        self._index = TriggerIndex()
        self._staged = TriggerIndex()
        self._whole = False
        self._confirmed_us = _NO_TIME
        self.revision = 0
        self._revision_gauge = metrics.gauge(names.TRIGGERS_CATALOGUE_REVISION)
        self._confirmed_gauge = metrics.gauge(names.TRIGGERS_CATALOGUE_CONFIRMED)
        self._in_force = metrics.gauge(names.TRIGGERS_IN_FORCE)
        self._listens_in_force = metrics.gauge(names.TRIGGERS_LISTENS_IN_FORCE)
        self._conditions_refused = metrics.counter(names.TRIGGERS_CONDITIONS_REFUSED)

    @property
    def whole(self) -> bool:
        """Whether the stream under way has brought its whole snapshot."""
        return self._whole

    @property
    def ready(self) -> bool:
        """Whether the index may be used now."""
        if self._confirmed_us == _NO_TIME:
            return False
        return self._clock.monotonic_us() - self._confirmed_us <= self._silence_us_max

    def index(self) -> TriggerIndex:
        """The index in force; raises NotReadyError when it may be old."""
        if self._confirmed_us == _NO_TIME:
            raise NotReadyError(CATALOGUE, "the catalogue of definitions has not been received whole")
        if not self.ready:
            raise NotReadyError(
                CATALOGUE, "the Engine has not confirmed the catalogue of definitions for too long"
            )
        return self._index

    def begin(self) -> None:
        """A new stream was opened; until its snapshot is whole, nothing is confirmed."""
        self._staged = TriggerIndex()
        self._whole = False
        self._confirmed_us = _NO_TIME

    def lose(self) -> None:
        """The stream has ended or fallen silent."""
        self._whole = False
        self._confirmed_us = _NO_TIME

    async def receive(self, message: WatchDefinitionsResponse, *, asked_us: int) -> int | None:
        """Put a message in force; gives the revision to acknowledge, or None while parts are missing.

        `asked_us` is the monotonic time when waiting for the message began. Confirmation counts from then,
        not from when this process got round to it: it may have slept in between.
        """
        target = self._index if self._whole else self._staged
        await self._put_all(target, message.definitions)
        if not message.snapshot_complete:
            return None
        if not self._whole:
            self._swap()
        self._confirm(message.revision, asked_us)
        return message.revision

    def _swap(self) -> None:
        self._staged.take_over(self._index)
        self._index = self._staged
        self._staged = TriggerIndex()
        self._whole = True
        _log.info("the catalogue is whole", triggers=len(self._index))

    def _confirm(self, revision: int, asked_us: int) -> None:
        self.revision = revision
        self._confirmed_us = asked_us
        self._revision_gauge.set(revision)
        self._confirmed_gauge.set(self._clock.now_us() / 1_000_000)
        self._in_force.set(len(self._index))
        self._listens_in_force.set(len(self._index.routes))

    async def _put_all(self, target: TriggerIndex, definitions: Iterable[Definition]) -> None:
        for definition in definitions:
            self._put_listens(target, definition)
        for definition in _latest_of_each(definitions):
            condition = self._condition(definition)
            target.put(condition, revision=definition.revision, now_us=self._clock.now_us())
            # Reading a document can take milliseconds: others get their turn in between.
            await asyncio.sleep(0)

    def _put_listens(self, target: TriggerIndex, definition: Definition) -> None:
        """Every version's: its executions wait for events when later ones are published, too."""
        version = (definition.namespace, definition.name, definition.version)
        listens = [
            Listen(item.event_type, item.own_lane, item.correlation_lane, item.ordering_key)
            for item in definition.listens
        ]
        try:
            target.routes.put(version, listens)
        except EvaluationError as error:
            self._refuse(definition, error)

    def _condition(self, definition: Definition) -> StartCondition:
        """The definition's start condition; one that cannot be compiled listens to nothing, loudly."""
        if not _may_have_schedule(definition.document):
            return _deaf(definition)
        try:
            return self._read_condition(definition.document)
        except (ConditionError, TidemillError) as error:
            self._refuse(definition, error)
            return _deaf(definition)

    def _refuse(self, definition: Definition, error: Exception) -> None:
        self._conditions_refused.add()
        _log.error(
            "what a definition listens to cannot be put in force",
            namespace=definition.namespace,
            workflow=definition.name,
            workflow_version=definition.version,
            error=str(error),
        )


def _latest_of_each(definitions: Iterable[Definition]) -> list[Definition]:
    """Spare the reading of versions that would be replaced within the same message."""
    latest: dict[tuple[str, str], tuple[Version, int, Definition]] = {}
    for definition in definitions:
        key = (definition.namespace, definition.name)
        try:
            version = Version.parse(definition.version)
        except ValueError as error:
            _log.error("a definition is passed over", workflow=definition.name, error=str(error))
            continue
        known = latest.get(key)
        if known is None or known[:2] < (version, definition.revision):
            latest[key] = (version, definition.revision, definition)
    return [definition for _, _, definition in latest.values()]


def _may_have_schedule(document: bytes) -> bool:
    """False only when it certainly has none: many workflows have not, and YAML is slow to read."""
    return b"schedule" in document or b"\\" in document


def _deaf(definition: Definition) -> StartCondition:
    return StartCondition(
        namespace=definition.namespace,
        workflow=definition.name,
        version=Version.parse(definition.version),
        version_text=definition.version,
        alternatives=(),
        ordering_key=None,
        reading=Reading.DATA,
    )
