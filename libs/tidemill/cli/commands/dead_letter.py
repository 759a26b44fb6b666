"""`dead-letter`: what the engine could not apply."""

from typing import TYPE_CHECKING, Annotated

import typer

from tidemill.cli.failures import USAGE, CommandError
from tidemill.cli.options import AnyNamespace, JsonFlag
from tidemill.cli.output import print_json, print_line, print_table
from tidemill.cli.session import call
from tidemill.namespaces import ANY_NAMESPACE

if TYPE_CHECKING:
    from tidemill.api.events.v1.stored_pb2 import DeadLetter
    from tidemill.client.client import Client
    from tidemill.json import Json

group = typer.Typer(help="What the engine could not apply.", rich_markup_mode=None)


@group.command(name="list")
def list_dead_letters(*, namespace: AnyNamespace = ANY_NAMESPACE, as_json: JsonFlag = False) -> None:
    """List dead letters, oldest first."""

    async def work(client: "Client") -> "list[DeadLetter]":
        return await client.dead_letters.list(namespace)

    rows = [_row(letter) for letter in call(work)]
    if as_json:
        for row in rows:
            print_json(dict(row))
        return
    columns = ("id", "time", "namespace", "execution_id", "kind", "error")
    for row in rows:
        row["error"] = str(row["error"]).strip().rpartition("\n")[2]
    print_table(columns, [[str(row[column]) for column in columns] for row in rows])


def _row(letter: "DeadLetter") -> "dict[str, Json]":
    from tidemill.client.plain import rfc3339

    return {
        "id": letter.id,
        "time": rfc3339(letter.time_us),
        "namespace": letter.namespace,
        "execution_id": letter.execution_id,
        "kind": letter.kind,
        "shard": letter.shard,
        "error": letter.error,
    }


@group.command()
def redrive(
    ids: Annotated[
        list[int] | None, typer.Argument(metavar="[ID]...", help="The dead letters' numbers.")
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All there are.")] = False,
    namespace: AnyNamespace = ANY_NAMESPACE,
    as_json: JsonFlag = False,
) -> None:
    """Take dead letters up again, once what was wrong is put right."""
    if every == bool(ids):
        raise CommandError("name the numbers of the dead letters, or --all", exit_code=USAGE)

    async def work(client: "Client") -> list[int]:
        wanted = ids or [letter.id for letter in await client.dead_letters.list(namespace)]
        return await client.dead_letters.redrive(wanted, namespace=namespace) if wanted else []

    taken = call(work)
    missing = sorted(set(ids or []) - set(taken))
    if as_json:
        print_json({"ids": [*taken]})
    else:
        print_line(f"{len(taken)} taken up again")
    if missing:
        raise CommandError(f"no dead letter has the number {', '.join(map(str, missing))}")
