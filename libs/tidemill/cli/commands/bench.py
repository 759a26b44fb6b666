"""`bench`: what the whole stack does on this machine."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from tidemill.cli.failures import CommandError
from tidemill.cli.options import JsonFlag
from tidemill.cli.output import note, print_json, print_table
from tidemill.cli.session import run_async

if TYPE_CHECKING:
    from tidemill.bench.result import Result

_FAULTS_SHOWN_MAX = 10


class StackKind(StrEnum):
    """What the services keep everything in."""

    EMBEDDED = "embedded"
    KAFKA = "kafka"


def bench(  # noqa: PLR0913 - one parameter an option
    *,
    executions: Annotated[int, typer.Option(min=1, help="How many run at once.")] = 2_000,
    steps: Annotated[int, typer.Option(min=1, help="Calls in each, of an action that does nothing.")] = 5,
    payload_bytes: Annotated[int, typer.Option(min=0, help="Text that each call takes and gives.")] = 200,
    stack: Annotated[
        StackKind, typer.Option(help="Files, or a Kafka broker and a Postgres of its own.")
    ] = StackKind.EMBEDDED,
    engines: Annotated[int, typer.Option(min=1, help="Engine processes, with Kafka.")] = 1,
    shards: Annotated[int, typer.Option(min=1, help="Shards, with Kafka.")] = 24,
    as_json: JsonFlag = False,
) -> None:
    """Measure the whole stack on this machine.

    It also checks that nothing was lost or doubled.

    Brings up services of its own on free ports, with a data directory that is gone afterwards.
    """
    from tidemill.bench.beds import embedded_bed, kafka_bed
    from tidemill.bench.bench import run_bench
    from tidemill.bench.workload import Workload
    from tidemill.stack.cluster_layout import Size
    from tidemill.testing.servers import ServerMissingError

    workload = Workload(executions=executions, steps=steps, payload_bytes=payload_bytes)
    size = Size(engines=engines, actions=1, triggers=1)
    bed = embedded_bed() if stack is StackKind.EMBEDDED else kafka_bed(size, shards=shards)
    try:
        result = run_async(run_bench(bed, workload, note))
    except ServerMissingError as error:
        raise CommandError(str(error)) from error
    if as_json:
        print_json(dict(result.to_json()))
    else:
        _print_result(result)
    for fault in result.faults[:_FAULTS_SHOWN_MAX]:
        note(fault)
    if not result.checked:
        raise CommandError(f"the check found {len(result.faults)} faults")


def _print_result(result: "Result") -> None:
    rows: list[list[str]] = []
    for name, figure in result.to_json().items():
        if isinstance(figure, dict):
            rows += [[f"{name} {part}", str(value)] for part, value in figure.items()]
        else:
            rows.append([name, str(figure)])
    print_table(("figure", "value"), rows)
