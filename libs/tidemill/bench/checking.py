"""Whether anything was lost or doubled: what the stack has stored, by the checker, and the load counted."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from tidemill.auditing.check import CheckOptions
from tidemill.auditing.check import check as check_stored
from tidemill.auditing.exporters import UnreadableError
from tidemill.bench.stage import Journal
from tidemill.bench.workload import NAMESPACE, Workload
from tidemill.checking.expected import Expectations
from tidemill.checking.invariant import Verdict
from tidemill.checking.report import Report

_COMPLETED: Final = "completed"
# What lanes and executions still tell each other when the last one has ended is soon told.
_SETTLE_TRIES: Final = 10
_SETTLE_SECONDS: Final = 0.5


async def check(
    environment: Mapping[str, str], workload: Workload, execution_ids: Sequence[str]
) -> list[str]:
    """Sentences about all that is wrong; none when nothing is. The services may go on meanwhile."""
    expected = Expectations(starts=dict.fromkeys(execution_ids, _COMPLETED))
    try:
        report = await _report(environment, expected)
    except UnreadableError as error:
        return [f"the check could not read: {error}"]
    return [*_repeated(execution_ids), *report_faults(report), *count_faults(report, workload)]


async def check_journal(environment: Mapping[str, str], journal: Journal) -> list[str]:
    """Sentences about all that is wrong with what a journal has; all of it should have ended."""
    repeated = [f"a start gave the id {execution_id} once more" for execution_id in journal.repeated]
    wanted = {"executions": len(journal.expected.starts), "calls": journal.calls}
    tries = 0
    while True:
        try:
            report = await _report(environment, journal.expected)
        except UnreadableError as error:
            return [f"the check could not read: {error}"]
        tries += 1
        if not _is_open(report) or tries == _SETTLE_TRIES:
            return [*repeated, *report_faults(report), *_counted(report, wanted)]
        await asyncio.sleep(_SETTLE_SECONDS)


def _is_open(report: Report) -> bool:
    """Whether nothing is wrong, and something has not ended."""
    return report.holds and any(found.verdict is Verdict.OPEN for found in report.found)


async def _report(environment: Mapping[str, str], expected: Expectations) -> Report:
    return await asyncio.to_thread(check_stored, environment, CheckOptions(NAMESPACE, expected))


def _repeated(execution_ids: Sequence[str]) -> list[str]:
    return [f"{count} starts gave the id {id_}" for id_, count in Counter(execution_ids).items() if count > 1]


def report_faults(report: Report) -> list[str]:
    """What the checker refutes; and what it leaves open, since the load is over."""
    faults = [violation.sentence for found in report.found for violation in found.violations]
    return faults + [
        f"{found.name}: {found.open} are open" for found in report.found if found.verdict is Verdict.OPEN
    ]


def count_faults(report: Report, workload: Workload) -> list[str]:
    """Whether there are more or fewer executions and calls than were asked for."""
    executions = workload.alone + workload.executions
    return _counted(report, {"executions": executions, "calls": executions * workload.steps})


def _counted(report: Report, wanted: Mapping[str, int]) -> list[str]:
    return [
        f"there are {report.read[what]} {what}, not {count}"
        for what, count in wanted.items()
        if report.read[what] != count
    ]
