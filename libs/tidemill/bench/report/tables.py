"""Results as Markdown: a table for each scenario, and one of all engines that were compared."""

from collections.abc import Iterable, Sequence

from tidemill.bench.report.document import Document, Entry
from tidemill.bench.report.peers import Standing, ours
from tidemill.bench.scenario import Target
from tidemill.bench.summary import Summary

_DASH = "-"


def comparison(document: Document, peers: Sequence[Standing]) -> list[str]:
    """Our stacks and the peers, with how many times our steps in a second are theirs."""
    own = ours(document)
    headings = ["engine", "version", "steps/s", "CPU s for 1,000 steps", "p50 ms", "p99 ms", "durability"]
    if not peers:
        return table(headings, [_standing(row) for row in own])
    headings.insert(3, "ours to its steps/s")
    headings.insert(5, "its CPU to ours")
    rows = [_against(row, own) for row in [*own, *peers]]
    notes = [f"{row.peer} {row.version}: {row.note}" for row in peers if row.note]
    return [*table(headings, rows), *(line for note in notes for line in ("", note))]


def scenario(entry: Entry) -> list[str]:
    """One scenario: its figures by case, whether its targets are met, and what was not right."""
    parameters = ", ".join(f"{name} {number(value)}" for name, value in entry.parameters.items())
    lines = [f"#### {entry.scenario}", "", f"{entry.about} ({parameters}; {_runs(entry.runs)}, {entry.date})"]
    cases = list(entry.cases)
    if cases:
        figures = dict.fromkeys(figure for case in cases for figure in entry.cases[case])
        rows = [[figure, *(_cell(entry.cases[case].get(figure)) for case in cases)] for figure in figures]
        lines += ["", *table(["figure", *cases], rows)]
    lines += [line for target in entry.targets for line in ("", _target(target, entry))]
    return lines + [line for fault in entry.faults for line in ("", f"**Not right:** {fault}")]


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table."""
    lines = [headings, ["---"] * len(headings), *rows]
    return [f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines]


def number(value: float) -> str:
    """A number as people write it: no more digits than were measured."""
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:,.3g}" if abs(value) < 100 else f"{value:,.1f}"


def _cell(summary: Summary | None) -> str:
    if summary is None:
        return _DASH
    if summary.least == summary.most:
        return number(summary.median)
    return f"{number(summary.median)} ({number(summary.least)} to {number(summary.most)})"


def _target(target: Target, entry: Entry) -> str:
    wanted = " and ".join(
        f"{words} {number(value)}"
        for words, value in (("at most", target.at_most), ("at least", target.at_least))
        if value is not None
    )
    summary = entry.cases.get(target.case, {}).get(target.figure)
    if summary is None:
        found = "not measured"
    else:
        met = "met" if target.is_met(summary.median) else "**missed**"
        found = f"{number(summary.median)}, {met}"
    return f"Target: `{target.figure}` {wanted}: {found}."


def _standing(row: Standing) -> list[str]:
    figures = (row.steps_per_s, row.cpu_s_per_1k_steps, row.p50_ms, row.p99_ms)
    return [row.peer, row.version, *map(_optional, figures), row.durability]


def _against(row: Standing, own: Sequence[Standing]) -> list[str]:
    """A row with the ratios to each of our stacks, or to the one that it is to be compared with."""
    cells = _standing(row)
    others = [] if row in own else [ours for ours in own if row.stack in ("", ours.stack)]
    steps = [_ratio(ours.steps_per_s, row.steps_per_s, ours.stack) for ours in others]
    costs = [_ratio(row.cpu_s_per_1k_steps, ours.cpu_s_per_1k_steps, ours.stack) for ours in others]
    cells.insert(3, ", ".join(filter(None, steps)) or _DASH)
    cells.insert(5, ", ".join(filter(None, costs)) or _DASH)
    return cells


def _ratio(dividend: float | None, divisor: float | None, stack: str) -> str:
    return f"{dividend / divisor:.1f} ({stack})" if dividend is not None and divisor else ""


def _optional(value: float | None) -> str:
    return _DASH if value is None else number(value)


def _runs(runs: int) -> str:
    return "one run" if runs == 1 else f"medians of {runs} runs, with least and most"
