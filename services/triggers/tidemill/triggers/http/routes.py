"""The HTTP routes: events in, outcomes out, and a health check."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from google.rpc import code_pb2
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from tidemill.errors import TidemillError
from tidemill.json import Json, dumps
from tidemill.telemetry import names
from tidemill.telemetry.logging import get_logger
from tidemill.telemetry.metrics import Metrics
from tidemill.triggers.catalogue import Catalogue
from tidemill.triggers.core.event import RawEvent
from tidemill.triggers.http.body import read_body
from tidemill.triggers.http.modes import Mode, mode_of, read_batch, read_binary, read_structured
from tidemill.triggers.http.problem import (
    INTERNAL_STATUS,
    RefusedRequestError,
    error_body,
    error_response,
    problem_response,
    status_of,
)
from tidemill.triggers.outcomes import Outcome, Started
from tidemill.triggers.publisher import Publisher
from tidemill.triggers.traces import TRACEPARENT, well_formed
from tidemill.unique import fresh_uuid

JSON_TYPE: Final = "application/json"
Endpoint = Callable[[Request], Awaitable[Response]]
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """How large a body may be, and how long it may take."""

    body_bytes_max: int
    body_us_max: int


class EventRoutes:
    """Takes CloudEvents by HTTP, and answers with what became of them.

    A request is answered 200 only when every event in it was taken, since most producers look at nothing but
    the status. Otherwise `outcomes` says which were taken; the whole may be sent again.
    """

    def __init__(
        self, publisher: Publisher, catalogue: Catalogue, *, limits: HttpLimits, metrics: Metrics
    ) -> None:
        self._publisher = publisher
        self._catalogue = catalogue
        self._limits = limits
        self._metrics = metrics

    def application(self) -> Starlette:
        """The ASGI application."""
        routes = [
            Route("/v1/events/{namespace}", self._guard(self._publish), methods=["POST"]),
            Route("/healthz", self._guard(self._health), methods=["GET"]),
        ]
        return Starlette(routes=routes, exception_handlers={HTTPException: _http_exception})

    async def _publish(self, request: Request) -> Response:
        mode = mode_of(request.headers)
        body = await read_body(
            request, bytes_max=self._limits.body_bytes_max, timeout_us=self._limits.body_us_max
        )
        items = _read_items(mode, request, body)
        outcomes = await self._outcomes(request, items)
        return _batch_response(outcomes) if mode is Mode.BATCH else _single_response(outcomes[0])

    async def _outcomes(self, request: Request, items: Sequence[RawEvent | TidemillError]) -> list[Outcome]:
        """An outcome an item: of publishing it, or of having failed to read it."""
        events = [item for item in items if isinstance(item, RawEvent)]
        namespace: str = request.path_params["namespace"]
        traceparent = well_formed(request.headers.get(TRACEPARENT, ""))
        published = iter(await self._publisher.publish(namespace, events, traceparent))
        return [next(published) if isinstance(item, RawEvent) else Outcome("", error=item) for item in items]

    async def _health(self, request: Request) -> Response:
        self._catalogue.index()
        return Response(dumps({"revision": self._catalogue.revision}), media_type=JSON_TYPE)

    def _guard(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint with its exceptions turned into answers, and its answers counted."""

        async def guarded(request: Request) -> Response:
            response = await _answer(endpoint, request)
            self._metrics.counter(names.TRIGGERS_HTTP_ANSWERS, status=str(response.status_code)).add()
            return response

        return guarded


async def _answer(endpoint: Endpoint, request: Request) -> Response:
    try:
        return await endpoint(request)
    except TidemillError as error:
        return error_response(error)
    except RefusedRequestError as error:
        return problem_response(error.status, {"detail": error.detail})
    except ClientDisconnect:
        return Response(status_code=400)
    except Exception as error:
        incident = fresh_uuid()
        _log.error("a request raised unexpectedly", incident=incident, exc_info=error)
        return problem_response(INTERNAL_STATUS, {"detail": "internal error", "incident": incident})


async def _http_exception(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    response = problem_response(error.status_code, {"detail": error.detail})
    response.headers.update(error.headers or {})
    return response


def _read_items(mode: Mode, request: Request, body: bytes) -> Sequence[RawEvent | TidemillError]:
    match mode:
        case Mode.BATCH:
            return read_batch(body)
        case Mode.STRUCTURED:
            return [read_structured(request.headers, body)]
        case Mode.BINARY:
            return [read_binary(request.headers, body)]


def _single_response(outcome: Outcome) -> Response:
    if outcome.error is not None:
        members = {} if not outcome.executions else {"executions": _executions(outcome)}
        return error_response(outcome.error, members)
    return Response(dumps(_outcome_body(outcome)), media_type=JSON_TYPE)


def _batch_response(outcomes: Sequence[Outcome]) -> Response:
    body: list[Json] = [_outcome_body(outcome) for outcome in outcomes]
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    if not errors:
        return Response(dumps(body), media_type=JSON_TYPE)
    return error_response(max(errors, key=_urgency), {"outcomes": body})


def _urgency(error: TidemillError) -> tuple[bool, int]:
    """What a producer hears first: that sending again helps, before that something is wrong for good."""
    return error.code in (code_pb2.RESOURCE_EXHAUSTED, code_pb2.UNAVAILABLE), status_of(error)


def _outcome_body(outcome: Outcome) -> dict[str, Json]:
    body: dict[str, Json] = {"event_id": outcome.event_id, "executions": _executions(outcome)}
    if outcome.error is not None:
        body["error"] = error_body(outcome.error)
    return body


def _executions(outcome: Outcome) -> list[Json]:
    return [_started_body(started) for started in outcome.executions]


def _started_body(started: Started) -> dict[str, Json]:
    return {
        "execution_id": started.execution_id,
        "workflow": started.trigger.condition.workflow,
        "version": started.trigger.condition.version_text,
        "trigger": started.trigger.alternative.name,
        "created": started.created,
    }
