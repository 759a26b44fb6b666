"""What an HTTP call answers with: content, response or raw bytes, and the error of a bad status."""

import base64
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

import httpx

from tidemill.actions.adapters.http.bodies import decode_content
from tidemill.actions.core.model import Problem
from tidemill.actions.core.problems import communication_problem
from tidemill.json import Json

MASK: Final = "***"
_SECRET_HEADERS: Final = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})
# Masking what is shorter would blot out half the text, and hide nothing that could not be guessed.
_SECRET_LENGTH_MIN: Final = 4


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


def status_problem(response: httpx.Response, excerpt: bytes, secrets: Iterable[str]) -> Problem:
    """The error of an answer with a bad status; the excerpt of its body is there for people."""
    status = response.status_code
    request = response.request
    detail = f"{request.method} {shown(request.url)} answered {status} {_phrase(response)}".rstrip()
    text = " ".join(excerpt.decode("utf-8", "replace").replace("\0", " ").split())
    if text:
        detail += f": {text}"
    return communication_problem(status, masked(detail, secrets), _phrase(response) or "Communication Error")


def masked(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets."""
    for secret in secrets:
        if len(secret) >= _SECRET_LENGTH_MIN:
            text = text.replace(secret, MASK)
    return text


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
