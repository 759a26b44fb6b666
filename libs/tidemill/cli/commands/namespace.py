"""`namespace`: how long a namespace keeps what has ended."""

from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from tidemill.cli.failures import USAGE, CommandError
from tidemill.cli.options import JsonFlag
from tidemill.cli.output import print_json, print_table
from tidemill.cli.session import call

if TYPE_CHECKING:
    from google.protobuf.duration_pb2 import Duration

    from tidemill.api.engine.v1.namespace_service_pb2 import Namespace
    from tidemill.client.client import Client
    from tidemill.json import Json

group = typer.Typer(help="How long a namespace keeps what has ended.", rich_markup_mode=None)

FOR_EVER: Final = "forever"
DEFAULT: Final = "default"
_TERM_HELP: Final = f"A duration as P30D or PT12H, {FOR_EVER}, or {DEFAULT} for the installation's."
Name: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="The namespace.")]


@group.command(name="set")
def set_terms(
    name: Name,
    *,
    history_retention: Annotated[
        str, typer.Option(metavar="TERM", help=f"How long histories are kept. {_TERM_HELP}")
    ] = "",
    execution_retention: Annotated[
        str, typer.Option(metavar="TERM", help="How long executions are known; never shorter than histories.")
    ] = "",
    as_json: JsonFlag = False,
) -> None:
    """Change how long a namespace keeps what has ended; what is not named stays as it is."""
    from tidemill.api.engine.v1.namespace_service_pb2 import Namespace

    given = {"history_retention": history_retention, "execution_retention": execution_retention}
    terms = {field: term for field, term in given.items() if term}
    if not terms:
        raise CommandError("name --history-retention, --execution-retention, or both", exit_code=USAGE)
    namespace = Namespace(name=name)
    for field, term in terms.items():
        if (duration := _duration(field, term)) is not None:
            getattr(namespace, field).CopyFrom(duration)

    async def work(client: "Client") -> "Namespace":
        return await client.namespaces.update(namespace, [*terms])

    _print([call(work)], as_json=as_json)


@group.command()
def get(name: Name, *, as_json: JsonFlag = False) -> None:
    """Show how long a namespace keeps what has ended."""

    async def work(client: "Client") -> "Namespace":
        return await client.namespaces.get(name)

    _print([call(work)], as_json=as_json)


@group.command(name="list")
def list_namespaces(*, as_json: JsonFlag = False) -> None:
    """List the namespaces that have terms of their own."""

    async def work(client: "Client") -> "list[Namespace]":
        return await client.namespaces.list()

    _print(call(work), as_json=as_json)


def _duration(field: str, term: str) -> "Duration | None":
    from tidemill.dsl import parse_duration
    from tidemill.errors import duration_of_us

    if term in (FOR_EVER, DEFAULT):
        return duration_of_us(0) if term == FOR_EVER else None
    option = f"--{field.replace('_', '-')}"
    try:
        duration_us = parse_duration(term)
    except ValueError as error:
        raise CommandError(f"{option}: {error}", exit_code=USAGE) from None
    if not duration_us:
        raise CommandError(f"{option}: a term of no length; {FOR_EVER} keeps all", exit_code=USAGE)
    return duration_of_us(duration_us)


def _print(namespaces: "list[Namespace]", *, as_json: bool) -> None:
    rows = [_row(namespace) for namespace in namespaces]
    if as_json:
        for row in rows:
            print_json(row)
        return
    columns = ("name", "history_retention", "execution_retention")
    shown = [[str(row["name"]), *(_shown(row, column) for column in columns[1:])] for row in rows]
    print_table(columns, shown)


def _row(namespace: "Namespace") -> "dict[str, Json]":
    """Its terms in seconds: 0 for ever, null for the default; and those in effect."""

    def own(field: str) -> "Json":
        return _seconds(getattr(namespace, field)) if namespace.HasField(field) else None  # type: ignore[arg-type]

    return {
        "name": namespace.name,
        "history_retention": own("history_retention"),
        "execution_retention": own("execution_retention"),
        "effective_history_retention": _seconds(namespace.effective_history_retention),
        "effective_execution_retention": _seconds(namespace.effective_execution_retention),
    }


def _seconds(duration: "Duration") -> float | int:
    return duration.seconds + duration.nanos / 1e9 if duration.nanos else duration.seconds


def _shown(row: "dict[str, Json]", field: str) -> str:
    effective = row[f"effective_{field}"]
    text = f"{effective} s" if effective else FOR_EVER
    return text if row[field] is not None else f"{text} ({DEFAULT})"
