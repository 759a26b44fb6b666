"""The table at the end of the demo."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table

from examples.demo.counting import Latencies, Verdict
from tidemill.bench.result import percentile
from tidemill.testing.effects import Outcome


@dataclass(frozen=True, slots=True)
class Result:
    """All that the table shows; `seconds` runs from the first event to the last end."""

    verdict: Verdict
    latencies: Latencies
    seconds: float


def table(result: Result) -> Table:
    """The figures, with a word on where each comes from."""
    drawn = Table(box=box.SIMPLE_HEAD, title="What was wanted, and what was done")
    drawn.add_column("figure")
    drawn.add_column("value", justify="right")
    drawn.add_column("from", style="dim")
    for rows in (_executions(result.verdict), _effects(result.verdict), _provider(result), _speed(result)):
        for row in rows:
            drawn.add_row(*row)
        drawn.add_section()
    return drawn


def _executions(verdict: Verdict) -> list[tuple[str, str, str]]:
    rows = [("executions wanted", f"{verdict.wanted.executions.total():,}", "the events' data")]
    rows += [
        (f"executions {phase}", f"{count:,}", "the Engine's list")
        for phase, count in sorted(verdict.phases.items())
    ]
    return rows


def _effects(verdict: Verdict) -> list[tuple[str, str, str]]:
    return [
        ("effects wanted", f"{len(verdict.wanted.effects):,}", "the events' data"),
        ("effects made", f"{verdict.effects.made:,}", "the provider, by event and task"),
        ("duplicates", f"{len(verdict.doubled):,}", ""),
        ("lost", f"{len(verdict.lost):,}", ""),
    ]


def _provider(result: Result) -> list[tuple[str, str, str]]:
    outcomes = result.verdict.effects.outcomes
    return [
        ("answered 503", f"{outcomes[Outcome.REFUSED]:,}", "the provider"),
        ("answered slowly", f"{outcomes[Outcome.SLOW]:,}", ""),
        ("done but not answered", f"{outcomes[Outcome.SILENT]:,}", ""),
        ("answered again by key", f"{outcomes[Outcome.REPEATED]:,}", "would have been duplicates"),
    ]


def _speed(result: Result) -> list[tuple[str, str, str]]:
    steps, waits = result.latencies.steps, result.latencies.waits
    return [
        ("step latency p50", _ms(steps, 50), "histories: call to outcome on disk,"),
        ("step latency p99", _ms(steps, 99), "the provider's time included"),
        ("wait overrun p50", _ms(waits, 50), "histories: time due to end on disk,"),
        ("wait overrun p99", _ms(waits, 99), "the Engine's absence included"),
        ("steps", f"{len(steps):,}", "histories: calls, failed ones too"),
        ("steps/s", f"{len(steps) / result.seconds:,.0f}", "waits and that absence included"),
        ("time", f"{result.seconds:,.1f} s", "first event to last end"),
    ]


def _ms(values: Sequence[float], percent: int) -> str:
    return f"{percentile(values, percent):,.1f} ms" if values else "none"
