"""The arguments of an A2A call: the resolved `with` of the task, checked and made a value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tidemill.actions.core.model import Problem
from tidemill.actions.core.problems import configuration_problem, validation_problem
from tidemill.json import Json, JsonError, loads

STREAMING: Final = ("message/stream", "tasks/resubscribe")
METHODS: Final = (
    *("message/send", "message/stream", "tasks/get", "tasks/list", "tasks/cancel", "tasks/resubscribe"),
    *(f"tasks/pushNotificationConfig/{verb}" for verb in ("set", "get", "list", "delete")),
    "agent/getAuthenticatedExtendedCard",
)
_SENDING: Final = ("message/send", "message/stream")


class InvalidArgumentsError(Exception):
    """The call cannot be made as it is described."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """Where to ask, and an authentication as it was given."""

    url: str
    authentication: Json = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class A2aCall:
    """One request: to a server, or to the one that the card at this address names."""

    method: str
    parameters: Json
    server: Address | None
    card: Address | None

    @property
    def streams(self) -> bool:
        """Whether the answer is a row of events."""
        return self.method in STREAMING


def parse(arguments: bytes, key: str) -> A2aCall:
    """Read the arguments; `key` becomes the id of a message that has none. Raises InvalidArgumentsError."""
    try:
        members = _object(loads(arguments, field="arguments"), "the arguments")
    except JsonError as error:
        raise _invalid(error.message) from None
    method = members.get("method")
    if method not in METHODS:
        raise _invalid(f"with.method must be one of {', '.join(METHODS)}")
    parameters = members.get("parameters")
    if parameters is not None:
        parameters = dict(_object(parameters, "with.parameters"))
    if method in _SENDING:
        parameters = _with_id(parameters, key)
    server, card = members.get("server"), members.get("agentCard")
    if server is None and card is None:
        raise _misconfigured("a call of an agent needs its server or its agentCard")
    return A2aCall(
        method=str(method),
        parameters=parameters,
        server=None if server is None else _address(server, "server"),
        # Whoever names the server has no need of a card.
        card=None
        if server is not None
        else _address(_object(card, "with.agentCard").get("endpoint"), "card"),
    )


def _with_id(parameters: Json, key: str) -> Json:
    """Agents recognise a repeat of a message by its id."""
    members = _object(parameters, "with.parameters")
    message = _object(members.get("message"), "with.parameters.message")
    if message.get("messageId") is not None:
        return dict(members)
    return {**members, "message": {**message, "messageId": key}}


def _address(value: Json, name: str) -> Address:
    members: Mapping[str, Json] = value if isinstance(value, dict) else {"uri": value}
    return Address(_web_url(members.get("uri"), name), members.get("authentication"))


def _web_url(value: Json, name: str) -> str:
    if not isinstance(value, str) or not value.startswith(("http://", "https://")):
        raise _misconfigured(f"the endpoint of the {name} must be an absolute http or https URI")
    return value


def _object(value: Json, name: str) -> Mapping[str, Json]:
    if not isinstance(value, dict):
        raise _invalid(f"{name} must be an object")
    return value


def _invalid(detail: str) -> InvalidArgumentsError:
    return InvalidArgumentsError(validation_problem(detail))


def _misconfigured(detail: str) -> InvalidArgumentsError:
    return InvalidArgumentsError(configuration_problem(detail))
