"""`events`: what executions and their tasks go through, told as CloudEvents."""

from typing import TYPE_CHECKING, Annotated, Final, cast

import typer

from tidemill.cli.failures import USAGE, CommandError
from tidemill.cli.options import AnyNamespace, JsonFlag
from tidemill.cli.output import note, print_json, print_line
from tidemill.cli.session import call
from tidemill.namespaces import ANY_NAMESPACE

if TYPE_CHECKING:
    from tidemill.api.engine.v1.lifecycle_service_pb2 import SubscribeRequest
    from tidemill.api.events.v1.payload_pb2 import CloudEvent
    from tidemill.client.client import Client
    from tidemill.json import Json

group = typer.Typer(help="What executions and their tasks go through.", rich_markup_mode=None)

_NOW: Final = "now"
_BEGINNING: Final = "beginning"


@group.callback()
def events() -> None:
    """What executions and their tasks go through."""


@group.command()
def follow(  # noqa: PLR0913 - one parameter a filter
    *,
    workflow: Annotated[str, typer.Option(help="Only of this workflow.")] = "",
    types: Annotated[
        list[str] | None,
        typer.Option("--type", help="Only of this type, as workflow.faulted; may be repeated."),
    ] = None,
    start: Annotated[
        str, typer.Option("--from", metavar="now|beginning|POSITION", help="Where to begin.")
    ] = _NOW,
    limit: Annotated[int, typer.Option(min=0, help="End after so many; 0 is never.")] = 0,
    namespace: AnyNamespace = ANY_NAMESPACE,
    as_json: JsonFlag = False,
) -> None:
    """Print lifecycle events as they come, until Ctrl-C, and then where to go on."""
    request = _request(start)
    request.namespace = namespace
    request.workflow = workflow
    request.types.extend(map(_full_type, types or []))

    async def work(client: "Client") -> None:
        await _follow(client, request, limit=limit, as_json=as_json)

    call(work)


def _full_type(text: str) -> str:
    """The type that the documentation's short name stands for; whatever else it is, as it is."""
    is_short = text.startswith(("workflow.", "task.")) and not text.endswith(".v1")
    return f"io.serverlessworkflow.{text}.v1" if is_short else text


def _request(start: str) -> "SubscribeRequest":
    from tidemill.api.engine.v1 import lifecycle_service_pb2 as pb
    from tidemill.client.lifecycle import position_of_text

    if start == _NOW:
        return pb.SubscribeRequest(start=pb.LIFECYCLE_START_NOW)
    if start == _BEGINNING:
        return pb.SubscribeRequest(start=pb.LIFECYCLE_START_BEGINNING)
    try:
        return pb.SubscribeRequest(after=position_of_text(start))
    except ValueError as error:
        raise CommandError(f"--from is now, beginning or a position: {error}", exit_code=USAGE) from None


async def _follow(client: "Client", request: "SubscribeRequest", *, limit: int, as_json: bool) -> None:
    from contextlib import aclosing

    from tidemill.client.lifecycle import position_text

    printed = 0
    reached = ""
    try:
        async with aclosing(client.lifecycle.follow(request)) as answers:
            async for answer in answers:
                wanted = answer.events[: limit - printed] if limit else answer.events
                for event in wanted:
                    _print_event(event, as_json=as_json)
                printed += len(wanted)
                if len(wanted) == len(answer.events):
                    reached = position_text(answer.position)
                if limit and printed >= limit:
                    return
    finally:
        if reached:
            note(f"position {reached}")


def _print_event(event: "CloudEvent", *, as_json: bool) -> None:
    from tidemill.events.envelopes import envelope_of
    from tidemill.json import loads

    if as_json:
        print_json(envelope_of(event))
        return
    data = cast("dict[str, Json]", loads(event.data))
    task = str(data.get("task", ""))
    print_line(f"{event.time:<27}  {event.type:<55}  {event.subject}  {event.source}  {task}".rstrip())
