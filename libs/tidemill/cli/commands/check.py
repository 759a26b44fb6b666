"""`check`: proves or refutes, from what is stored, that nothing was lost, doubled or reordered."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tidemill.cli.failures import FAILED, USAGE, CommandError
from tidemill.cli.options import JsonFlag
from tidemill.cli.output import note, print_json, print_line, print_table

if TYPE_CHECKING:
    from tidemill.checking.expected import Expectations
    from tidemill.checking.invariant import Violation
    from tidemill.checking.report import Report

# What cannot be read is no violation: scripts tell them apart.
UNREADABLE: Final = USAGE


def check(
    *,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where `tidemill dev` keeps its data; else the services' settings."),
    ] = None,
    expected: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="JSON lines: what was accepted, and which effects were seen."),
    ] = None,
    namespace: Annotated[
        str, typer.Option("--namespace", metavar="NS", help="Only executions of this namespace.")
    ] = "",
    ledger: Annotated[bool, typer.Option(help="Read the effect ledger too.")] = True,
    as_json: JsonFlag = False,
) -> None:
    """Check histories, log and ledger: nothing lost, doubled or out of order.

    Reads only, also while the services run. Exits with 1 when something is violated, with 2 when something
    cannot be read.
    """
    import os

    from tidemill.auditing.check import CheckOptions, environment_of
    from tidemill.auditing.check import check as run_check
    from tidemill.auditing.exporters import UnreadableError

    environment = dict(os.environ) if data is None else environment_of(data, os.environ)
    options = CheckOptions(namespace, _expectations(expected), with_ledger=ledger)
    try:
        report = run_check(environment, options)
    except UnreadableError as error:
        raise CommandError(str(error), exit_code=UNREADABLE) from None
    if as_json:
        print_json(report.to_json())
    else:
        print_report(report)
    if not report.holds:
        raise CommandError(f"{report.violated} violations", exit_code=FAILED)


def _expectations(path: Path | None) -> "Expectations | None":
    if path is None:
        return None
    from tidemill.checking.expected import ExpectationError, read_expectations

    try:
        with path.open("rb") as lines:
            return read_expectations(lines)
    except ExpectationError as error:
        raise CommandError(f"{path}: {error}", exit_code=UNREADABLE) from None
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", exit_code=UNREADABLE) from None


def print_report(report: "Report") -> None:
    """Print what was read, each invariant, and the first violation."""
    events = report.read["events"]
    pace = round(events / report.seconds) if report.seconds else 0
    read = ", ".join(f"{count} {what}" for what, count in report.read.items())
    print_line(f"Read {read or 'nothing'} in {report.seconds:.1f} s ({pace} events/s).")
    print_table(
        ("invariant", "verdict", "checked", "open", "violated"),
        [
            [found.name, str(found.verdict), str(found.checked), str(found.open), str(found.violated)]
            for found in report.found
        ],
    )
    notes = {what: count for found in report.found for what, count in found.notes.items()}
    if notes:
        rows = [[what, str(count)] for what, count in notes.items()]
        print_table(("also counted", "count"), rows)
    if report.first is not None:
        _print_violation(report.first, report)


def _print_violation(violation: "Violation", report: "Report") -> None:
    found = report.of(violation.invariant)
    print_line(f"First violation, of {found.name}: {violation.sentence}.")
    print_line(f"What should hold: {found.claim} ({found.source}).")
    print_table(
        ("evidence", "value"),
        [
            [name, ", ".join(value) if isinstance(value, list) else str(value)]
            for name, value in violation.evidence.items()
        ],
    )
    if report.violated > 1:
        note(f"{report.violated - 1} more; `tidemill check --json` has the first of each invariant")
