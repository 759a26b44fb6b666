"""Whether anything was lost or doubled: what the stack has stored, by the checker, and the load counted."""

import asyncio
from collections.abc import Mapping
from typing import Final

from tidemill.auditing.check import CheckOptions
from tidemill.auditing.check import check as check_stored
from tidemill.auditing.exporters import UnreadableError
from tidemill.bench.effects import effects_made
from tidemill.bench.stage import Journal, Stage
from tidemill.bench.workflows import NAMESPACE
from tidemill.checking.expected import Expectations
from tidemill.checking.invariant import Verdict
from tidemill.checking.report import Report

# What lanes and executions still tell each other when the last one has ended is soon told.
SETTLE_TRIES: Final = 10
_SETTLE_SECONDS: Final = 0.5


async def check_stage(stage: Stage, *, tries: int = SETTLE_TRIES) -> list[str]:
    """Sentences about all that is wrong with what a stage has run; all of it should have ended. The services
    may go on meanwhile. What is still open is looked at so many times."""
    faults = await _check_journal(stage.bed.environment, stage.journal, tries)
    # Counted by who made them: another witness than what is stored.
    effects = await effects_made(stage.bed.action_metrics)
    if effects != stage.journal.calls:
        faults.append(f"{effects} effects were made, not {stage.journal.calls}")
    return faults


async def _check_journal(environment: Mapping[str, str], journal: Journal, tries: int) -> list[str]:
    repeated = [f"a start gave the id {execution_id} once more" for execution_id in journal.repeated]
    wanted = {"executions": len(journal.expected.starts), "calls": journal.calls}
    while True:
        try:
            report = await _report(environment, journal.expected)
        except UnreadableError as error:
            return [f"the check could not read: {error}"]
        tries -= 1
        if not _is_open(report) or tries == 0:
            return [*repeated, *report_faults(report), *count_faults(report, wanted)]
        await asyncio.sleep(_SETTLE_SECONDS)


def _is_open(report: Report) -> bool:
    """Whether nothing is wrong, and something has not ended."""
    return report.holds and any(found.verdict is Verdict.OPEN for found in report.found)


async def _report(environment: Mapping[str, str], expected: Expectations) -> Report:
    return await asyncio.to_thread(check_stored, environment, CheckOptions(NAMESPACE, expected))


def report_faults(report: Report) -> list[str]:
    """What the checker refutes; and what it leaves open, since the load is over."""
    faults = [violation.sentence for found in report.found for violation in found.violations]
    return faults + [
        f"{found.name}: {found.open} are open" for found in report.found if found.verdict is Verdict.OPEN
    ]


def count_faults(report: Report, wanted: Mapping[str, int]) -> list[str]:
    """Whether there are more or fewer of anything than were asked for."""
    return [
        f"there are {report.read[what]} {what}, not {count}"
        for what, count in wanted.items()
        if report.read[what] != count
    ]
