"""NamespaceService: how long each namespace keeps what has ended."""

from typing import TYPE_CHECKING, Final, TypeAlias

from tidemill.api.engine.v1 import namespace_service_pb2 as pb
from tidemill.api.engine.v1.namespace_service_pb2_grpc import NamespaceServiceServicer
from tidemill.engine.settings import Settings
from tidemill.engine.store.port import RetentionStore
from tidemill.engine.store.retention import NamespaceRow, RetentionTerms, outlives
from tidemill.errors import InvalidRequestError, duration_of_us, us_of_duration
from tidemill.lanes import check_identifier
from tidemill.paging import PageLimits, decode_token, encode_token

if TYPE_CHECKING:
    import grpc

Context: TypeAlias = "grpc.aio.ServicerContext[object, object]"
_HISTORY: Final = "history_retention"
_EXECUTION: Final = "execution_retention"


class NamespaceApi(NamespaceServiceServicer):
    """Translates requests."""

    def __init__(self, store: RetentionStore, settings: Settings) -> None:
        self._store = store
        self._terms = RetentionTerms(settings.history_retention_us, settings.execution_retention_us)
        self._identifier_bytes_max = settings.identifier_bytes_max
        self._pages = PageLimits(settings.page_size_default, settings.page_size_max)

    async def Update(
        self, request: pb.NamespaceServiceUpdateRequest, context: Context
    ) -> pb.NamespaceServiceUpdateResponse:
        check_identifier("request_id", request.request_id, bytes_max=self._identifier_bytes_max)
        row = changed(await self._find(request.namespace.name), request)
        if not outlives(self._terms.execution_of(row), self._terms.history_of(row)):
            raise InvalidRequestError(
                _EXECUTION, "executions must be kept for ever, or at least as long as their histories"
            )
        await self._store.set_namespace(row)
        return pb.NamespaceServiceUpdateResponse(namespace=self._message(row))

    async def Get(
        self, request: pb.NamespaceServiceGetRequest, context: Context
    ) -> pb.NamespaceServiceGetResponse:
        return pb.NamespaceServiceGetResponse(namespace=self._message(await self._find(request.name)))

    async def List(
        self, request: pb.NamespaceServiceListRequest, context: Context
    ) -> pb.NamespaceServiceListResponse:
        size = self._pages.size(request.page_size)
        place = decode_token(request.page_token, str)
        after = str(place[0]) if place else ""
        rows = [row for row in await self._store.namespaces() if row.name > after]
        token = encode_token(rows[size - 1].name) if len(rows) > size else ""
        return pb.NamespaceServiceListResponse(
            namespaces=map(self._message, rows[:size]), next_page_token=token
        )

    async def _find(self, name: str) -> NamespaceRow:
        if not name:
            raise InvalidRequestError("name", "name must not be empty")
        check_identifier("name", name, bytes_max=self._identifier_bytes_max)
        rows = await self._store.namespaces()
        return next((row for row in rows if row.name == name), NamespaceRow(name))

    def _message(self, row: NamespaceRow) -> pb.Namespace:
        message = pb.Namespace(
            name=row.name,
            effective_history_retention=duration_of_us(self._terms.history_of(row)),
            effective_execution_retention=duration_of_us(self._terms.execution_of(row)),
        )
        if row.history_retention_us is not None:
            message.history_retention.CopyFrom(duration_of_us(row.history_retention_us))
        if row.execution_retention_us is not None:
            message.execution_retention.CopyFrom(duration_of_us(row.execution_retention_us))
        return message


def changed(row: NamespaceRow, request: pb.NamespaceServiceUpdateRequest) -> NamespaceRow:
    """The row with the terms that the request names; raises InvalidRequestError for others."""
    given = request.namespace
    present = {field for field in (_HISTORY, _EXECUTION) if given.HasField(field)}
    paths = set(request.update_mask.paths) or present
    if unknown := paths - {_HISTORY, _EXECUTION}:
        raise InvalidRequestError("update_mask", f"{min(unknown)} is none of {_HISTORY}, {_EXECUTION}")
    return NamespaceRow(
        row.name,
        _us(given, _HISTORY) if _HISTORY in paths else row.history_retention_us,
        _us(given, _EXECUTION) if _EXECUTION in paths else row.execution_retention_us,
    )


def _us(given: pb.Namespace, field: str) -> int | None:
    if not given.HasField(field):  # type: ignore[arg-type]
        return None
    retention_us = us_of_duration(getattr(given, field))
    if retention_us < 0:
        raise InvalidRequestError(field, f"{field} must not be negative")
    return retention_us
