"""What commands print: lines and tables for people, one JSON value a line for machines."""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
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
    """Print a table; on a terminal all cells but ids are folded to its width."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading == "execution_id")
    for row in rows:
        table.add_row(*row)
    # What is not a terminal has no width to fit into.
    width = None if sys.stdout.isatty() else _UNBOUNDED_COLUMNS
    console = Console(highlight=False, markup=False, emoji=False, width=width)
    console.print(table)
