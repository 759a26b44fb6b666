"""`start` and `emit`: what sets executions going."""

from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from tidemill.cli.failures import USAGE, CommandError
from tidemill.cli.inputs import WorkflowName, json_bytes, workflow_name
from tidemill.cli.options import InputText, JsonFlag
from tidemill.cli.output import print_json, print_line
from tidemill.cli.session import call
from tidemill.namespaces import ANY_NAMESPACE

if TYPE_CHECKING:
    from tidemill.api.engine.v1.execution_service_pb2 import StartResponse
    from tidemill.api.events.v1.payload_pb2 import CloudEvent
    from tidemill.api.triggers.v1.event_service_pb2 import EventOutcome
    from tidemill.client.client import Client

# Where an event went, its outcome, and whether somebody may wait for it.
_Published: TypeAlias = "tuple[str, EventOutcome, bool]"
_DEFAULT_SOURCE: Final = "/tidemill/cli"
_DEFAULT_NAMESPACE: Final = "default"


def start(
    workflow: Annotated[str, typer.Argument(metavar="NS/NAME[:VERSION]", help="The workflow.")],
    *,
    input_text: InputText = "{}",
    subject: Annotated[str, typer.Option(help="What it is about: one subject's work is done in order.")] = "",
    request_id: Annotated[str, typer.Option(help="A repeat with the same id starts nothing new.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Start one execution of a published workflow and print its id."""
    name = workflow_name(workflow)
    data = json_bytes("--input", input_text)

    async def work(client: "Client") -> "StartResponse":
        from tidemill.api.engine.v1.execution_service_pb2 import StartRequest
        from tidemill.api.events.v1.payload_pb2 import Payload

        request = StartRequest(
            namespace=name.namespace,
            workflow=name.name,
            version=name.version,
            subject=subject,
            input=Payload(data=data),
            request_id=request_id,
        )
        answer = await client.executions.start(request)
        await _raise_if_refused(client, name.namespace, answer)
        return answer

    _print_start(name, call(work), as_json=as_json)


async def _raise_if_refused(client: "Client", namespace: str, answer: "StartResponse") -> None:
    """A start is accepted before anybody knows whether the policy for re-entry lets it in: ask that too."""
    from tidemill.errors import from_item_error

    if answer.created and answer.HasField("position"):
        outcome = await client.executions.outcome(namespace, answer.position)
        if outcome.HasField("error"):
            raise from_item_error(outcome.error)


def _print_start(name: WorkflowName, answer: "StartResponse", *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "execution_id": answer.execution_id,
                "created": answer.created,
                "namespace": name.namespace,
                "workflow": name.name,
                "version": answer.version,
            }
        )
        return
    verb = "started" if answer.created else "already started"
    print_line(f"{verb} {name.namespace}/{name.name}:{answer.version} {answer.execution_id}")


def emit(  # noqa: PLR0913 - one parameter for each attribute of an event
    *,
    event_type: Annotated[str, typer.Option("--type", help="The event's type.")],
    source: Annotated[str, typer.Option(help="Where it happened, a URI reference.")] = _DEFAULT_SOURCE,
    subject: Annotated[str, typer.Option(help="What it is about, e.g. a contact's id.")] = "",
    event_id: Annotated[str, typer.Option("--id", help="Its id; a repeat starts nothing new.")] = "",
    data: Annotated[str, typer.Option(metavar="JSON|@FILE", help="Its data.")] = "{}",
    namespace: Annotated[
        str,
        typer.Option(envvar="TIDEMILL_NAMESPACE", help="Where it is heard; found out when only one listens."),
    ] = "",
    as_json: JsonFlag = False,
) -> None:
    """Publish one event and print what it started."""
    payload = json_bytes("--data", data)

    async def work(client: "Client") -> "_Published":
        from tidemill.api.events.v1.payload_pb2 import CloudEvent
        from tidemill.unique import fresh_uuid

        heard_in = namespace or await _listening_namespace(client, event_type)
        event = CloudEvent(
            id=event_id or fresh_uuid(), source=source, type=event_type, subject=subject, data=payload
        )
        outcome = await _publish(client, heard_in, event)
        # Only people are told: a program does not need another request to know what it sent.
        asks = not as_json and not outcome.executions
        return heard_in, outcome, asks and bool(await _waiting_namespaces(client, heard_in, event_type))

    heard_in, outcome, may_be_awaited = call(work)
    if as_json:
        _print_outcome_json(heard_in, outcome)
    else:
        _print_outcome(heard_in, outcome, may_be_awaited=may_be_awaited)


async def _publish(client: "Client", namespace: str, event: "CloudEvent") -> "EventOutcome":
    from tidemill.errors import from_item_error

    (outcome,) = await client.events.publish(namespace, [event])
    if outcome.HasField("error"):
        raise from_item_error(outcome.error)
    return outcome


async def _listening_namespace(client: "Client", event_type: str) -> str:
    """The only namespace where the event starts something or may be waited for."""
    triggers = await client.triggers.list(ANY_NAMESPACE)
    starting = {trigger.namespace for trigger in triggers if trigger.event_type in ("", event_type)}
    listening = sorted(starting | await _waiting_namespaces(client, ANY_NAMESPACE, event_type))
    if len(listening) > 1:
        names = ", ".join(listening)
        raise CommandError(
            f"several namespaces listen to {event_type}: {names}; choose with --namespace", exit_code=USAGE
        )
    return listening[0] if listening else _DEFAULT_NAMESPACE


async def _waiting_namespaces(client: "Client", namespace: str, event_type: str) -> set[str]:
    """The namespaces with a published version whose executions, or whose schedule, may wait for the type."""
    return {
        definition.namespace
        for definition in await client.definitions.list(namespace)
        for listen in definition.listens
        if listen.event_type in ("", event_type)
    }


def _print_outcome_json(namespace: str, outcome: "EventOutcome") -> None:
    print_json(
        {
            "event_id": outcome.event_id,
            "namespace": namespace,
            "executions": [
                {
                    "execution_id": started.execution_id,
                    "created": started.created,
                    "workflow": started.workflow,
                    "version": started.version,
                    "trigger": started.trigger,
                }
                for started in outcome.executions
            ],
        }
    )


def _print_outcome(namespace: str, outcome: "EventOutcome", *, may_be_awaited: bool) -> None:
    for started in outcome.executions:
        verb = "started" if started.created else "already started"
        print_line(f"{verb} {namespace}/{started.workflow}:{started.version} {started.execution_id}")
    if not outcome.executions:
        end = "it goes to those who wait for it" if may_be_awaited else "nobody waits for it"
        start = f"event {outcome.event_id} was taken; nothing starts on it in the namespace {namespace}"
        print_line(f"{start}, and {end}")
