"""The arguments of an HTTP call: the resolved `with` of the task, checked and made a request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import httpx

from tidemill.actions.adapters.http.bodies import encode_body
from tidemill.actions.core.model import Problem
from tidemill.actions.core.problems import configuration_problem, validation_problem
from tidemill.json import Json, JsonError, dumps, loads

IDEMPOTENCY_HEADER: Final = "idempotency-key"
OUTPUTS: Final = ("content", "response", "raw")
_MEMBERS: Final = frozenset({"method", "endpoint", "headers", "query", "body", "output", "redirect"})


class InvalidArgumentsError(Exception):
    """The call cannot be made as it is described."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCall:
    """A request to send, yet without what proves who is calling: the `authentication` as it was given."""

    method: str
    url: httpx.URL
    headers: Mapping[str, str]
    body: bytes | None
    output: str
    redirect: bool
    authentication: Json = None


def parse(arguments: bytes, key: str) -> HttpCall:
    """Read the arguments; `key` becomes the Idempotency-Key unless the author sends one of their own.

    Raises InvalidArgumentsError.
    """
    members = _object(_loaded(arguments), "the arguments")
    unknown = sorted(members.keys() - _MEMBERS)
    if unknown:
        raise _invalid(f"with.{unknown[0]} is not a property of an HTTP call")
    url, authentication = _endpoint(members.get("endpoint"))
    headers = {IDEMPOTENCY_HEADER: key, **_headers(members.get("headers"))}
    body = _body(members.get("body"), headers)
    return HttpCall(
        method=_method(members.get("method")),
        url=_with_query(url, members.get("query")),
        headers=headers,
        body=body,
        output=_output(members.get("output", "content")),
        redirect=_flag(members.get("redirect", False), "redirect"),
        authentication=authentication,
    )


def _loaded(arguments: bytes) -> Json:
    try:
        return loads(arguments, field="arguments")
    except JsonError as error:
        raise _invalid(error.message) from None


def _method(value: Json) -> str:
    if not isinstance(value, str) or not value.isascii() or not value.isalpha():
        raise _invalid("with.method must be the name of an HTTP method")
    return value.upper()


def _output(value: Json) -> str:
    if value not in OUTPUTS:
        raise _invalid(f"with.output must be one of {', '.join(OUTPUTS)}")
    return value


def _flag(value: Json, name: str) -> bool:
    if not isinstance(value, bool):
        raise _invalid(f"with.{name} must be true or false")
    return value


def _endpoint(value: Json) -> tuple[httpx.URL, Json]:
    if isinstance(value, str):
        return _url(value), None
    members = _object(value, "with.endpoint")
    uri = members.get("uri")
    if not isinstance(uri, str):
        raise _invalid("with.endpoint.uri must be a string")
    return _url(uri), members.get("authentication")


def _url(uri: str) -> httpx.URL:
    try:
        url = httpx.URL(uri)
    except (httpx.InvalidURL, ValueError) as error:
        raise _misconfigured(f"the endpoint is not a URI: {error}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise _misconfigured("the endpoint must be an absolute http or https URI")
    return url


def _headers(value: Json) -> dict[str, str]:
    members = {} if value is None else _object(value, "with.headers")
    headers = {}
    for name, item in members.items():
        if item is None:
            continue
        text = _scalar(item, f"headers.{name}")
        if not name or not (name + text).isprintable():
            raise _invalid(f"with.headers.{name} cannot be a header")
        headers[name.lower()] = text
    return headers


def _with_query(url: httpx.URL, value: Json) -> httpx.URL:
    """Add to the query that the URI has of itself: an array gives its name several times."""
    members = {} if value is None else _object(value, "with.query")
    pairs = [
        (name, _scalar(item, f"query.{name}"))
        for name, items in members.items()
        for item in (items if isinstance(items, list) else [items])
        if item is not None
    ]
    if not pairs:
        return url
    own = url.query + b"&" if url.query else b""
    return url.copy_with(query=own + urlencode(pairs).encode())


def _body(value: Json, headers: dict[str, str]) -> bytes | None:
    if value is None:
        return None
    try:
        body, content_type = encode_body(value, headers.get("content-type", ""))
    except ValueError as error:
        raise _invalid(str(error)) from None
    headers.setdefault("content-type", content_type)
    return body


def _scalar(value: Json, name: str) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return dumps(value).decode()
        case _:
            raise _invalid(f"with.{name} must be a string, a number or a boolean")


def _object(value: Json, name: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise _invalid(f"{name} must be an object")
    return value


def _invalid(detail: str) -> InvalidArgumentsError:
    return InvalidArgumentsError(validation_problem(detail))


def _misconfigured(detail: str) -> InvalidArgumentsError:
    return InvalidArgumentsError(configuration_problem(detail))
