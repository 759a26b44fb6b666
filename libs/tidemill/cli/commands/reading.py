"""`get`, `list`, `history` and `watch`: what executions did and do."""

from typing import TYPE_CHECKING, Annotated, Final, cast

import typer

from tidemill.cli.failures import USAGE, CommandError
from tidemill.cli.options import AnyNamespace, ExecutionId, JsonFlag
from tidemill.cli.output import note, print_json, print_line, print_table
from tidemill.cli.session import call
from tidemill.namespaces import ANY_NAMESPACE

if TYPE_CHECKING:
    from tidemill.api.engine.v1.execution_pb2 import Execution, ExecutionPhase
    from tidemill.api.engine.v1.execution_service_pb2 import (
        ExecutionServiceListRequest,
        HistoryEvent,
    )
    from tidemill.client.client import Client
    from tidemill.json import Json

_COLUMNS: Final = (
    "execution_id",
    "workflow",
    "kind",
    "subject",
    "phase",
    "started_at",
    "parent_execution_id",
)
_SECONDS_CHARACTERS: Final = len("2026-11-24T14:12:53")


def get(
    execution_id: ExecutionId, *, namespace: AnyNamespace = ANY_NAMESPACE, as_json: JsonFlag = False
) -> None:
    """Show an execution: where it stands, what it waits for, its tasks."""

    async def work(client: "Client") -> "Json":
        return await client.report(execution_id, namespace=namespace)

    report = call(work)
    if as_json:
        print_json(report)
    else:
        print_report(report)


def print_report(report: "Json") -> None:
    """Print the object of `get --json` for people."""
    from tidemill.json import dumps

    fields = cast("dict[str, Json]", report)
    print_line(f"execution  {fields['execution_id']}")
    print_line(f"workflow   {_workflow(fields)}{_schedule_words(fields)}")
    for label, member in (("subject", "subject"), ("parent", "parent_execution_id")):
        if fields[member] is not None:
            print_line(f"{label:<9}  {fields[member]}")
    reason = f": {fields['reason']}" if fields["reason"] else ""
    print_line(f"phase      {fields['phase']}{reason}")
    if fields["error"] is not None:
        _print_error(cast("dict[str, Json]", fields["error"]))
    elif fields["phase"] == "completed":
        print_line(f"output     {dumps(fields['output']).decode()}")
    _print_tasks(cast("list[dict[str, Json]]", fields["tasks"]))


def _print_error(error: "dict[str, Json]") -> None:
    print_line(f"error      {error['status']} {error['title'] or error['type']}")
    if error["detail"]:
        print_line(f"           {error['detail']}")
    print_line(f"           raised by {error['instance']}")


def _print_tasks(tasks: "list[dict[str, Json]]") -> None:
    from tidemill.client.waits import wait_text

    for task in tasks:
        if task["waits_for"] is not None:
            print_line(f"waits for  {wait_text(task['waits_for'])}")
            print_line(f"           in {task['reference']}")
    columns = ("reference", "phase", "started_at", "ended_at")
    print_table(columns, [[str(task[column] or "") for column in columns] for task in tasks])


def _workflow(summary: "dict[str, Json]") -> str:
    return f"{summary['namespace']}/{summary['workflow']}:{summary['version']}"


def _schedule_words(summary: "dict[str, Json]") -> str:
    return ", its schedule" if summary["kind"] == "trigger" else ""


def list_executions(  # noqa: PLR0913 - one parameter a filter
    *,
    workflow: Annotated[str, typer.Option(help="Only executions of this workflow.")] = "",
    phase: Annotated[list[str] | None, typer.Option(help="Only in this phase; may be repeated.")] = None,
    subject: Annotated[str, typer.Option(help="Only executions of this subject.")] = "",
    limit: Annotated[int, typer.Option(min=0, help="At most so many; 0 is all.")] = 0,
    with_triggers: Annotated[
        bool, typer.Option("--with-triggers", help="Also the executions that run schedules.")
    ] = False,
    namespace: AnyNamespace = ANY_NAMESPACE,
    as_json: JsonFlag = False,
) -> None:
    """List executions, newest first."""
    from tidemill.api.engine.v1.execution_service_pb2 import ExecutionServiceListRequest

    request = ExecutionServiceListRequest(
        namespace=namespace, workflow=workflow, subject=subject, with_triggers=with_triggers
    )
    request.phases.extend(_phase(word) for word in phase or [])

    async def work(client: "Client") -> "list[Execution]":
        return await _print_pages(client, request, limit=limit, as_json=as_json)

    executions = call(work)
    if not as_json:
        _print_executions(executions)


def _print_executions(executions: "list[Execution]") -> None:
    """A table; what all executions lack is left out, so that it fits."""
    from tidemill.client.report import execution_summary

    if not executions:
        note("no executions")
        return
    rows = [execution_summary(execution) for execution in executions]
    for row in rows:
        row["workflow"] = _workflow(row)
        row["kind"] = _kind(row)
        # Whole seconds are enough for people: `--json` has all of it.
        row["started_at"] = f"{str(row['started_at'])[:_SECONDS_CHARACTERS]}Z"
    wanted = [column for column in _COLUMNS if any(row[column] for row in rows)]
    print_table(wanted, [[str(row[column] or "") for column in wanted] for row in rows])


def _kind(summary: "dict[str, Json]") -> "Json":
    if summary["kind"] == "trigger":
        return "trigger"
    return "child" if summary["parent_execution_id"] else None


async def _print_pages(
    client: "Client", request: "ExecutionServiceListRequest", *, limit: int, as_json: bool
) -> "list[Execution]":
    """Print JSON lines page by page, so that no length fills the memory; else collect for a table."""
    from tidemill.client.report import execution_summary

    collected: list[Execution] = []
    seen = 0
    async for page in client.executions.pages(request):
        wanted = page[: limit - seen] if limit else page
        seen += len(wanted)
        if as_json:
            for execution in wanted:
                print_json(dict(execution_summary(execution)))
        else:
            collected.extend(wanted)
        if limit and seen >= limit:
            break
    return collected


def _phase(word: str) -> "ExecutionPhase.ValueType":
    from tidemill.client.plain import phase_names, phase_of_name

    if word.lower() not in phase_names():
        known = ", ".join(phase_names())
        raise CommandError(f"{word!r} is not a phase; there are {known}", exit_code=USAGE)
    return phase_of_name(word)


def history(
    execution_id: ExecutionId, *, namespace: AnyNamespace = ANY_NAMESPACE, as_json: JsonFlag = False
) -> None:
    """Print an execution's history, one event a line."""

    async def work(client: "Client") -> "list[HistoryEvent]":
        return await client.executions.history(execution_id, namespace=namespace)

    for event in call(work):
        _print_event(event, as_json=as_json)


def watch(
    execution_id: ExecutionId, *, namespace: AnyNamespace = ANY_NAMESPACE, as_json: JsonFlag = False
) -> None:
    """Print an execution's events as they come, until it closes."""

    async def work(client: "Client") -> None:
        from tidemill.api.engine.v1.execution_service_pb2 import WatchRequest

        request = WatchRequest(namespace=namespace, execution_id=execution_id)
        async for answer in client.executions.watch(request):
            for event in answer.events:
                _print_event(event, as_json=as_json)

    call(work)


def _print_event(event: "HistoryEvent", *, as_json: bool) -> None:
    from tidemill.client.plain import plain, rfc3339, us_of_timestamp

    kind = event.event.WhichOneof("kind") or "unknown"
    facts = cast("dict[str, Json]", plain(event.event)).get(kind, {})
    time = rfc3339(us_of_timestamp(event.time))
    if as_json:
        line: dict[str, Json] = {"sequence": event.sequence, "time": time, "kind": kind, "event": facts}
        print_json({**line, "cause": plain(event.cause), "commit": event.commit})
        return
    print_line(f"{event.sequence:>5}  {time}  {kind:<22}  {_facts_text(facts)}".rstrip())


def _facts_text(facts: "Json") -> str:
    from tidemill.json import dumps

    if not isinstance(facts, dict):
        return ""
    parts = [str(facts["reference"])] if "reference" in facts else []
    parts += [
        f"{name}={value if isinstance(value, str) else dumps(value).decode()}"
        for name, value in facts.items()
        if name not in ("reference", "input_digest", "traceparent")
    ]
    return " ".join(parts)
