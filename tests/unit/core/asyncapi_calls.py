"""Calls of channels of small documents, compiled and asked for."""

import json
from typing import Any, Final

from tests.asyncapi_documents import document_v3
from tests.unit.core.driver import Driver, Value
from tidemill.dsl import DocumentError
from tidemill.engine.core.effects import CallAction
from tidemill.engine.core.settings import CoreSettings

DOCUMENT_URI: Final = "https://fake.com/docs/asyncapi.json"
CONSUME: Final = "/do/0/call/with/subscription/consume"
FOREACH: Final = "/do/0/call/with/subscription/foreach"


def compiled(
    given: Value,
    *,
    document: Value = None,
    after: Value = (),
    settings: CoreSettings | None = None,
    **members: Value,
) -> Driver:
    """A workflow with one call; the document is of 3.0 unless another is given."""
    wanted = document_v3() if document is None else document
    content = wanted if isinstance(wanted, bytes) else json.dumps(wanted).encode()
    task = {
        "call": {"call": "asyncapi", "with": {"document": {"endpoint": DOCUMENT_URI}, **given}, **members}
    }
    return Driver(task, *after, documents={DOCUMENT_URI: content}, settings=settings)


def refused(given: Value, *, document: Value = None, **members: Value) -> tuple[str, str]:
    """Where a call is refused, below its `with`, and why."""
    try:
        compiled(given, document=document, **members)
    except DocumentError as error:
        [problem] = error.problems
        return problem.pointer.removeprefix("/do/0/call/with"), problem.message
    raise AssertionError("it was not refused")


def published(given: Value, *, document: Value = None, data: Value = None) -> CallAction:
    """What is asked of the Action service for a message."""
    driver = compiled(given, document=document).start(data)
    [call] = driver.calls.values()
    return call


def asked(driver: Driver) -> dict[str, Any]:
    """The arguments of the call under way."""
    [call] = driver.calls.values()
    arguments = call.arguments.value
    assert isinstance(arguments, dict)
    return arguments


def subscribing(
    consume: Value, *, document: Value = None, settings: CoreSettings | None = None, **members: Value
) -> Driver:
    """A workflow with a subscription to notes."""
    given = {"operation": "getNotifications", "subscription": {"consume": consume, **members}}
    return compiled(given, document=document, settings=settings)


def bring(driver: Driver, *payloads: Value, position: Value = None) -> None:
    """Messages come."""
    messages = [{"payload": payload, "headers": {}} for payload in payloads]
    driver.succeed(CONSUME, {"position": position, "messages": messages})


def payloads(driver: Driver) -> list[Any]:
    """The payloads of what a subscription has put out."""
    output = driver.output
    assert isinstance(output, list)
    return [message["payload"] for message in output if isinstance(message, dict)]
