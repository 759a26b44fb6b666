"""What an HTTP call answers with: content, response or raw bytes, and the error of a bad status."""

import base64
from collections.abc import Collection, Iterable
from http import HTTPStatus
from typing import Final

import httpx

from tidemill.actions.adapters.http.bodies import decode_content
from tidemill.actions.core.model import Problem
from tidemill.actions.core.problems import communication_problem
from tidemill.actions.core.secrets import MASK, MASKED_LENGTH_MIN, masked, without_part
from tidemill.json import Json

_SECRET_HEADERS: Final = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})


def output_of(response: httpx.Response, data: bytes, output: str) -> Json:
    """The output in the form that the author chose. Raises JsonError for bad JSON."""
    if output == "raw":
        return base64.b64encode(data).decode() if data else None
    content = decode_content(data, response.headers.get("content-type", ""))
    if output == "content":
        return content
    return {
        "request": {
            "method": response.request.method,
            "uri": shown(response.request.url),
            "headers": _masked_headers(response.request.headers),
        },
        "headers": dict(response.headers),
        "statusCode": response.status_code,
        "content": content,
    }


def is_error(status: int, *, redirect: bool) -> bool:
    """Whether the status faults the task: outside 200-299, or 200-399 where redirection is allowed."""
    return not 200 <= status <= (399 if redirect else 299)


def status_problem(
    response: httpx.Response, start: bytes, hidden: Collection[str], *, excerpt_bytes_max: int
) -> Problem:
    """The error of an answer with a bad status; an excerpt of its body is there for people.

    `start` is longer than the excerpt by the longest of what is hidden, so that this is found before it is
    cut; what may be the beginning of more at its end is left out.
    """
    status = response.status_code
    request = response.request
    detail = f"{request.method} {shown(request.url)} answered {status} {_phrase(response)}".rstrip()
    found = without_part(masked(start.decode("utf-8", "ignore"), hidden), hidden)
    excerpt = found.encode()[:excerpt_bytes_max]
    text = " ".join(excerpt.decode("utf-8", "ignore").replace("\0", " ").split())
    if text:
        detail += f": {text}"
    return communication_problem(status, masked(detail, hidden), _phrase(response) or "Communication Error")


def masked_bytes(data: bytes, hidden: Iterable[str]) -> bytes:
    """The content without what is hidden, as long as that stands in it as it is."""
    for text in hidden:
        if len(text) >= MASKED_LENGTH_MIN:
            data = data.replace(text.encode(), MASK.encode())
    return data


def shown(url: httpx.URL) -> str:
    """The URL without user and password."""
    return str(url.copy_with(userinfo=b"") if url.userinfo else url)


def _masked_headers(headers: httpx.Headers) -> dict[str, Json]:
    return {name: MASK if name in _SECRET_HEADERS else value for name, value in headers.items()}


def _phrase(response: httpx.Response) -> str:
    try:
        return HTTPStatus(response.status_code).phrase
    except ValueError:
        return ""
