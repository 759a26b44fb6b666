"""Ingress: validates commands, routes them to their lane's shard, answers once the log has them on disk."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tidemill import lanes
from tidemill.api.engine.v1.execution_service_pb2 import HearRequest, StartRequest
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.api.events.v1 import command_pb2
from tidemill.engine.catalogue import Catalogue
from tidemill.engine.log.port import CommandLog
from tidemill.engine.runtime.environment import Environment
from tidemill.engine.runtime.progress import Progress
from tidemill.engine.store.port import ReadStore
from tidemill.engine.store.rows import DeadLetterRow
from tidemill.errors import InvalidRequestError, OverloadedError, TidemillError, TooLargeError
from tidemill.events.checking import EventLimits, check_event
from tidemill.json import loads
from tidemill.namespaces import ANY_NAMESPACE
from tidemill.storage import StorageUnavailableError
from tidemill.unique import fresh_uuid
from tidemill.values import value

COMMAND_SCHEMA: Final = 1
RECENT_STARTS_MAX: Final = 20_000
RECENT_REQUESTS_MAX: Final = 10_000
_JSON_TYPES: Final = frozenset({"", "application/json"})


@value
class Accepted:
    """An accepted command: where it is. `created` is False for a start that an earlier request has made."""

    execution_id: str
    shard: int
    offset: int
    created: bool = True
    version: str = ""


@dataclass(slots=True)
class Prepared:
    """A command ready for the log; `repeatable` when a repeat of it may have been accepted before."""

    record: command_pb2.Command
    shard: int
    repeatable: bool


class Ingress:
    """Stateless but for two bounded memories of recent repeats; what they forget is found in the store."""

    def __init__(
        self,
        log: CommandLog,
        store: ReadStore,
        catalogue: Catalogue,
        progress: Progress,
        environment: Environment,
    ) -> None:
        self._log = log
        self._check = environment.check
        self._store = store
        self._catalogue = catalogue
        self._progress = progress
        self._clock = environment.clock
        self._tracing = environment.tracing
        self._settings = environment.settings
        self._event_limits = EventLimits(
            data_bytes_max=self._settings.event_bytes_max,
            attribute_bytes_max=self._settings.event_attribute_bytes_max,
            extensions_max=self._settings.event_extensions_max,
        )
        self._recent: OrderedDict[str, tuple[bytes, Accepted]] = OrderedDict()
        self._requests: OrderedDict[tuple[str, str, str], Accepted] = OrderedDict()
        self._closed = False

    def close(self) -> None:
        """Take nothing more."""
        self._closed = True

    async def start(self, request: StartRequest) -> Accepted:
        """Accept one start. Raises TidemillError for what `accept` refuses."""
        outcome = (await self.accept([self.prepare_start(request)]))[0]
        if isinstance(outcome, TidemillError):
            raise outcome
        return outcome

    def prepare_start(self, request: StartRequest) -> Prepared:
        """Check a start and resolve its version and its lane. Raises TidemillError."""
        self._check_start(request)
        definition = self._catalogue.get(request.namespace, request.workflow, request.version)
        data = request.input.data or b"{}"
        unique, repeatable = _unique(request)
        hashed = lanes.lane_hash(lanes.lane_of(request.namespace, request.subject, unique))
        record = self._record(request.namespace, lanes.execution_id(hashed, unique), request.request_id)
        record.start.workflow = request.workflow
        record.start.version = definition.version
        record.start.subject = request.subject
        record.start.input.data = data
        record.start.input_digest = hashlib.sha256(data).digest()
        if request.HasField("origin"):
            record.start.origin.CopyFrom(request.origin)
        return Prepared(record, lanes.shard_of(hashed, self._settings.shards), repeatable)

    def prepare_hear(self, request: HearRequest) -> Prepared:
        """Check an event and find its lane, which recognises repeats itself. Raises TidemillError."""
        self._check_hear(request)
        if request.subject:
            lane = lanes.subject_lane(request.namespace, request.subject)
        else:
            lane = lanes.correlation_lane(request.namespace, request.event_type)
        record = self._record(request.namespace, execution_id="", request_id="")
        record.lane = lane
        record.hear.event.CopyFrom(request.event)
        return Prepared(record, lanes.shard_of(lanes.lane_hash(lane), self._settings.shards), False)

    def prepare(
        self, namespace: str, execution_id: str, request_id: str, kind: command_pb2.Command
    ) -> Prepared:
        """Check a command for an execution; `kind` has only its kind set. Raises TidemillError."""
        if namespace != ANY_NAMESPACE:
            lanes.check_namespace(namespace)
        self._check_identifier("request_id", request_id)
        hashed = lanes.hash_of_execution_id(execution_id)
        record = self._record(namespace, execution_id, request_id)
        record.MergeFrom(kind)
        return Prepared(record, lanes.shard_of(hashed, self._settings.shards), repeatable=False)

    def prepare_redrive(self, letter: DeadLetterRow) -> Prepared:
        """A command that takes up a dead letter again, in the shard where it was put aside."""
        record = self._record(letter.namespace, letter.execution_id, request_id="")
        record.redrive.number = letter.number
        return Prepared(record, letter.shard, repeatable=False)

    async def accept(self, batch: Sequence[Prepared]) -> list[Accepted | TidemillError]:
        """Append the batch in one go; one outcome for each.

        Raises TidemillError when nothing could be accepted: no room, stopping, or the disk refuses.
        """
        self._check_room(batch)
        await self._find_existing([prepared for prepared in batch if prepared.repeatable])
        outcomes: list[Accepted | TidemillError | None] = [self._known(prepared) for prepared in batch]
        fresh = [prepared for prepared, outcome in zip(batch, outcomes, strict=True) if outcome is None]
        offsets = iter(await self._append(fresh))
        for index, prepared in enumerate(batch):
            if outcomes[index] is None:
                outcomes[index] = self._remember(prepared, next(offsets))
        return [outcome for outcome in outcomes if outcome is not None]

    async def _append(self, fresh: Sequence[Prepared]) -> list[int]:
        if not fresh:
            return []
        await self._leave_large(fresh)
        records = [(prepared.shard, prepared.record.SerializeToString()) for prepared in fresh]
        offsets = await self._log.append(records)
        for prepared, offset in zip(fresh, offsets, strict=True):
            self._progress.appended(prepared.shard, offset)
        return offsets

    async def _leave_large(self, fresh: Sequence[Prepared]) -> None:
        """Have large inputs in the blob store before the log refers to them."""
        starts = [each.record for each in fresh if len(each.record.start.input.data) > self._check.bytes_max]
        if starts:
            texts = [(record.execution_id, record.start.input.data) for record in starts]
            for record, claim in zip(starts, await self._check.leave_texts(texts), strict=True):
                record.start.input.data = claim

    def _known(self, prepared: Prepared) -> Accepted | TidemillError | None:
        """The outcome of a repeat: the first one's, or a conflict."""
        record = prepared.record
        if not prepared.repeatable:
            return self._requests.get(_request_key(record)) if record.request_id else None
        known = self._recent.get(record.execution_id)
        if known is None:
            return None
        digest, accepted = known
        # An event is the same by its source and id, whatever data its repeat brings.
        if digest != record.start.input_digest and not record.start.HasField("origin"):
            return _request_conflict(record)
        return accepted

    async def _find_existing(self, repeatable: Iterable[Prepared]) -> None:
        asked = {
            execution_id: self._recent.get(execution_id)
            for execution_id in (prepared.record.execution_id for prepared in repeatable)
            if not self._is_sure(execution_id)
        }
        if not asked:
            return
        rows = await self._store.get(list(asked))
        for row in rows.values():
            accepted = Accepted(row.execution_id, row.shard, -1, created=False, version=row.version)
            self._keep_recent(row.execution_id, row.input_digest, accepted)
        for execution_id, known in asked.items():
            # It was refused, as by its re-entry: the same start again is decided anew, as after a restart.
            if execution_id not in rows and known is not None and self._recent.get(execution_id) is known:
                del self._recent[execution_id]

    def _is_sure(self, execution_id: str) -> bool:
        """Whether a start is known to have made its execution, or is still to be applied."""
        known = self._recent.get(execution_id)
        if known is None:
            return False
        _, accepted = known
        return accepted.offset < 0 or not self._progress.has(accepted.shard, accepted.offset)

    def _remember(self, prepared: Prepared, offset: int) -> Accepted:
        record = prepared.record
        created = record.execution_id not in self._recent
        accepted = Accepted(record.execution_id, prepared.shard, offset, created, record.start.version)
        if prepared.repeatable:
            repeat = Accepted(record.execution_id, prepared.shard, offset, False, record.start.version)
            self._keep_recent(record.execution_id, record.start.input_digest, repeat)
        elif record.request_id:
            self._requests[_request_key(record)] = accepted
            if len(self._requests) > RECENT_REQUESTS_MAX:
                self._requests.popitem(last=False)
        return accepted

    def _keep_recent(self, execution_id: str, digest: bytes, accepted: Accepted) -> None:
        self._recent[execution_id] = (digest, accepted)
        if len(self._recent) > RECENT_STARTS_MAX:
            self._recent.popitem(last=False)

    def _record(self, namespace: str, execution_id: str, request_id: str) -> command_pb2.Command:
        return command_pb2.Command(
            schema=COMMAND_SCHEMA,
            namespace=namespace,
            execution_id=execution_id,
            request_id=request_id,
            accepted_at_us=self._clock.now_us(),
            traceparent=self._tracing.traceparent(),
        )

    def _check_room(self, batch: Sequence[Prepared]) -> None:
        if self._closed:
            raise TidemillError(
                reasons.ERROR_REASON_NOT_READY,
                "the engine is stopping",
                {"part": "ingress"},
                retry_delay_us=1_000_000,
            )
        if not self._progress.applying:
            raise StorageUnavailableError(
                "store", "the last commit failed, and the shards are not taken anew yet"
            )
        for shard in {prepared.shard for prepared in batch}:
            if self._progress.backlog(shard) >= self._settings.log_backlog_max:
                raise OverloadedError(
                    "log_backlog_max",
                    limit_value=self._settings.log_backlog_max,
                    retry_delay_us=self._settings.overload_retry_delay_us,
                )

    def _check_start(self, request: StartRequest) -> None:
        lanes.check_namespace(request.namespace)
        if not request.workflow:
            raise InvalidRequestError("workflow", "workflow is missing")
        for field in ("workflow", "version", "subject", "request_id"):
            self._check_identifier(field, getattr(request, field))
        if request.HasField("origin"):
            for field in ("trigger", "event_source", "event_id"):
                self._check_identifier(field, getattr(request.origin, field))
        if request.input.content_type not in _JSON_TYPES:
            raise InvalidRequestError(
                "input", f"{request.input.content_type} is not taken, only application/json"
            )
        if len(request.input.data) > self._settings.payload_bytes_max:
            raise TooLargeError(
                "payload_bytes_max",
                limit_value=self._settings.payload_bytes_max,
                actual=len(request.input.data),
            )
        if request.input.data:
            loads(request.input.data, field="input")

    def _check_hear(self, request: HearRequest) -> None:
        lanes.check_namespace(request.namespace)
        if bool(request.subject) == bool(request.event_type):
            raise InvalidRequestError(
                "subject", "an event goes to the lane of a subject or to that of its type: give one of them"
            )
        event, size_max = request.event, self._settings.event_bytes_max
        if request.event_type not in ("", event.type, lanes.ALL_TYPES):
            raise InvalidRequestError("event_type", "the lane of a type hears events of that type alone")
        # As a whole, because as a whole it is stored for those who wait.
        if (size_bytes := event.ByteSize()) > size_max:
            raise TooLargeError("event_bytes_max", limit_value=size_max, actual=size_bytes)
        check_event(event, self._event_limits)

    def _check_identifier(self, field: str, value: str) -> None:
        lanes.check_identifier(field, value, bytes_max=self._settings.identifier_bytes_max)


def _unique(request: StartRequest) -> tuple[str, bool]:
    """The uuid of the execution, and whether a repeat of the request finds the same one."""
    about = (request.namespace, request.workflow, request.subject)
    if request.HasField("origin"):
        origin = request.origin
        return lanes.derived_uuid(
            ("event", *about, origin.trigger, origin.event_source, origin.event_id)
        ), True
    if request.request_id:
        return lanes.requested_uuid(("request", *about), request.request_id), True
    return fresh_uuid(), False


def _request_key(record: command_pb2.Command) -> tuple[str, str, str]:
    return (record.execution_id, record.WhichOneof("kind") or "", record.request_id)


def _request_conflict(record: command_pb2.Command) -> TidemillError:
    return TidemillError(
        reasons.ERROR_REASON_REQUEST_ID_CONFLICT,
        f"the request id {record.request_id!r} was used before with another input",
        {"request_id": record.request_id, "execution_id": record.execution_id},
    )
