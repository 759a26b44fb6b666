"""Answers clients from the store: reads of one's own writes, pages, and the watching of an execution."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.api.engine.v1.position_pb2 import Position
from tidemill.api.errors.v1 import error_reason_pb2 as reasons
from tidemill.api.errors.v1.item_error_pb2 import ItemError
from tidemill.blobs.claim_check import ClaimCheck
from tidemill.blobs.claims import may_hold_claims, size_of
from tidemill.engine.api import messages
from tidemill.engine.api.redeeming import redeem_events
from tidemill.engine.core.state import CLOSED_PHASES, Phase
from tidemill.engine.runtime.ingress import Accepted
from tidemill.engine.runtime.progress import Progress, Watchers
from tidemill.engine.settings import Settings
from tidemill.engine.store.port import ReadStore
from tidemill.engine.store.rows import ExecutionFilter, ExecutionRow
from tidemill.errors import InvalidRequestError, OverloadedError, TidemillError, from_item_error
from tidemill.lanes import hash_of_execution_id
from tidemill.namespaces import ANY_NAMESPACE
from tidemill.paging import PageLimits, decode_token, encode_token


class Reads:
    """Everything that a client may ask of the store."""

    def __init__(
        self,
        store: ReadStore,
        progress: Progress,
        watchers: Watchers,
        settings: Settings,
        *,
        check: ClaimCheck,
    ) -> None:
        self._store = store
        self._check = check
        self._progress = progress
        self._watchers = watchers
        self._settings = settings
        self._pages = PageLimits(settings.page_size_default, settings.page_size_max)

    async def wait_for(self, at_least: Position | None, remaining_seconds: float | None) -> None:
        """Wait, bounded, until the store has what the client wants to see."""
        if at_least is not None:
            await self._wait(at_least.shard, at_least.offset, remaining_seconds)

    async def applied(self, accepted: Accepted, remaining_seconds: float | None) -> None:
        """Wait for a command's outcome; raises its rejection."""
        await self._wait(accepted.shard, accepted.offset, remaining_seconds)
        row = await self._store.rejection(accepted.shard, accepted.offset)
        if row is not None:
            raise from_item_error(ItemError.FromString(row.error))

    async def settled(self, outcome: Accepted | TidemillError, remaining_seconds: float | None) -> None:
        """Wait, bounded, until an accepted command is applied; one that is not by then stays accepted."""
        if isinstance(outcome, TidemillError):
            raise outcome
        try:
            await self._wait(outcome.shard, outcome.offset, remaining_seconds)
        except TidemillError as error:
            if error.reason != reasons.ERROR_REASON_WAIT_EXPIRED:
                raise

    async def rejection(self, position: Position, remaining_seconds: float | None) -> ItemError | None:
        """Why the command at the position was rejected; None when it was applied."""
        await self._wait(position.shard, position.offset, remaining_seconds)
        row = await self._store.rejection(position.shard, position.offset)
        return ItemError.FromString(row.error) if row is not None else None

    async def execution(self, namespace: str, execution_id: str) -> ExecutionRow:
        """One execution.

        Raises InvalidRequestError for what is no id, TidemillError (EXECUTION_NOT_FOUND) also for another
        namespace's, and BlobError when its output is lost.
        """
        return await self._whole(await self._row(namespace, execution_id))

    async def _whole(self, row: ExecutionRow) -> ExecutionRow:
        """The row with its output in the place of a claim."""
        output = await self._check.fetch_text(row.output, row.execution_id)
        return row if output is row.output else replace(row, output=output)

    async def _row(self, namespace: str, execution_id: str) -> ExecutionRow:
        hash_of_execution_id(execution_id)
        row = (await self._store.get([execution_id])).get(execution_id)
        if row is None or namespace not in (ANY_NAMESPACE, row.namespace):
            raise TidemillError(
                reasons.ERROR_REASON_EXECUTION_NOT_FOUND,
                f"there is no execution {execution_id}",
                {"execution_id": execution_id},
            )
        return row

    async def executions(self, request: pb.ExecutionServiceListRequest) -> tuple[list[ExecutionRow], str]:
        """A page of executions, bounded in rows and in bytes of outputs, and the token of the next one."""
        size = self._pages.size(request.page_size)
        place = decode_token(request.page_token, int, str)
        if not request.namespace:
            raise InvalidRequestError("namespace", 'namespace is missing; "-" means all')
        wanted = ExecutionFilter(
            namespace="" if request.namespace == ANY_NAMESPACE else request.namespace,
            workflow=request.workflow,
            phases=tuple(request.phases),
            subject=request.subject,
            started_from_us=messages.time_us(request.started_after),
            started_until_us=messages.time_us(request.started_before),
            before=(place[0], place[1]) if place else None,  # type: ignore[arg-type]
            with_triggers=request.with_triggers,
        )
        rows = await self._store.page_executions(wanted, size + 1)
        page = rows[: min(size, _count_within(rows, self._settings.list_page_bytes_max))]
        token = encode_token(page[-1].started_at_us, page[-1].execution_id) if len(rows) > len(page) else ""
        return [await self._whole(row) for row in page], token

    async def history(self, request: pb.GetHistoryRequest) -> tuple[list[pb.HistoryEvent], str]:
        """A page of history, bounded in events and bytes, and the token of the next one."""
        row = await self._row(request.namespace, request.execution_id)
        size = self._pages.size(request.page_size)
        place = decode_token(request.page_token, int)
        sequence = int(str(place[0])) if place else 1
        events = await self._events(row.execution_id, sequence, size)
        # What has been forgotten has no next page.
        following = events[-1].sequence + 1 if events else row.sequence + 1
        return events, encode_token(following) if following <= row.sequence else ""

    async def _events(self, execution_id: str, sequence: int, limit: int) -> list[pb.HistoryEvent]:
        rows = await self._store.history(execution_id, sequence, limit)
        kept = []
        bytes_left = bytes_max = self._settings.history_page_bytes_max
        for row in rows:
            kept.append(row)
            bytes_left -= len(row.data)
            if bytes_left <= 0:
                break
        events = messages.history_events(kept, sequence)[:limit]
        if any(may_hold_claims(row.data) for row in kept):
            return await redeem_events(self._check, execution_id, events, bytes_max=bytes_max)
        return events

    async def watch(self, request: pb.WatchRequest) -> AsyncIterator[pb.WatchResponse]:
        """The events of an execution from a number on, until it has closed; or its end alone."""
        if len(self._watchers) >= self._settings.watchers_max:
            raise OverloadedError(
                "watchers_max",
                limit_value=self._settings.watchers_max,
                retry_delay_us=self._settings.overload_retry_delay_us,
            )
        wake = self._watchers.follow(request.execution_id, end_only=request.end_only)
        try:
            async for response in self._follow(request, wake):
                yield response
        finally:
            self._watchers.leave(request.execution_id, wake)

    async def _follow(self, request: pb.WatchRequest, wake: asyncio.Event) -> AsyncIterator[pb.WatchResponse]:
        following = max(request.from_sequence, 1)
        while True:
            wake.clear()
            row = await self._row(request.namespace, request.execution_id)
            is_closed = Phase(row.phase) in CLOSED_PHASES
            if request.end_only:
                following = row.sequence + 1
                if is_closed:
                    yield pb.WatchResponse(execution=messages.execution(await self._whole(row)))
            while following <= row.sequence:
                page = await self._events(row.execution_id, following, self._settings.page_size_max)
                # What was committed since the row was read comes with the row that shows it.
                events = [event for event in page if event.sequence <= row.sequence]
                following = events[-1].sequence + 1 if events else row.sequence + 1
                yield pb.WatchResponse(events=events, execution=messages.execution(await self._whole(row)))
            if is_closed:
                return
            if self._watchers.closed:
                raise TidemillError(
                    reasons.ERROR_REASON_NOT_READY, "the engine is stopping", {"part": "watch"}
                )
            await self._changed(wake)

    async def _changed(self, wake: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(self._settings.watch_poll_us / 1_000_000):
                await wake.wait()
        except TimeoutError:
            return

    async def _wait(self, shard: int, offset: int, remaining_seconds: float | None) -> None:
        limit_us = self._settings.outcome_wait_us_max
        if remaining_seconds is not None:
            # Answer a little before the client gives up, so that it learns why.
            limit_us = min(limit_us, int(remaining_seconds * 900_000))
        await self._progress.wait(shard, offset, timeout_us=limit_us)


def _count_within(rows: Sequence[ExecutionRow], bytes_max: int) -> int:
    """How many rows, one at least, have outputs of so many bytes together."""
    count = size_bytes = 0
    for row in rows:
        size_bytes += size_of(row.output)
        if count and size_bytes > bytes_max:
            break
        count += 1
    return count
