"""What commands print: lines and tables for people, one JSON value a line for machines."""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tidemill.api.engine.v1.execution_pb2 import Execution
    from tidemill.json import Json

_UNBOUNDED_COLUMNS: Final = 10_000


def print_line(text: str = "") -> None:
    """Print one line."""
    sys.stdout.write(text + "\n")


def print_json(value: "Json") -> None:
    """Print one JSON value on one line, and let it go at once: who reads lines waits for them."""
    from tidemill.json import dumps

    sys.stdout.write(dumps(value).decode() + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Say something beside the result."""
    sys.stderr.write(text + "\n")


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; cells are folded to the terminal's width where there is a terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*row)
    # What is not a terminal has no width to fit into.
    width = None if sys.stdout.isatty() else _UNBOUNDED_COLUMNS
    console = Console(highlight=False, markup=False, emoji=False, width=width)
    console.print(table)


def execution_summary(execution: "Execution") -> "dict[str, Json]":
    """An execution without its tasks, as `list --json` prints it; every key is always there."""
    from tidemill.client.plain import payload_value, phase_name, problem_value, rfc3339, us_of_timestamp

    closed = execution.HasField("closed_at")
    return {
        "execution_id": execution.execution_id,
        "namespace": execution.namespace,
        "workflow": execution.workflow,
        "version": execution.version,
        "subject": execution.subject or None,
        "phase": phase_name(execution.phase),
        "started_at": rfc3339(us_of_timestamp(execution.started_at)),
        "closed_at": rfc3339(us_of_timestamp(execution.closed_at)) if closed else None,
        "output": payload_value(execution.output),
        "error": problem_value(execution.error) if execution.HasField("error") else None,
        "reason": execution.reason or None,
    }
