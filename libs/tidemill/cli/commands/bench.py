"""`bench`: what the whole stack does on this machine."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidemill.cli.failures import CommandError
from tidemill.cli.options import JsonFlag
from tidemill.cli.output import note, print_json, print_line, print_table
from tidemill.cli.session import run_async

if TYPE_CHECKING:
    from tidemill.bench.beds import Bed
    from tidemill.bench.report.document import Document
    from tidemill.bench.result import Result
    from tidemill.bench.suite import Outcome
    from tidemill.bench.workload import Workload

_FAULTS_SHOWN_MAX = 10
_PEERS = Path("bench/peers/results.json")


class StackKind(StrEnum):
    """What the services keep everything in."""

    EMBEDDED = "embedded"
    KAFKA = "kafka"


@dataclass(frozen=True, slots=True)
class _Stack:
    """What is measured on."""

    kind: StackKind
    engines: int
    shards: int

    @property
    def opens(self) -> "Callable[[Mapping[str, str]], AbstractAsyncContextManager[Bed]]":
        """Brings up a new one, with these variables for its services."""
        from tidemill.bench.beds import embedded_bed, kafka_bed
        from tidemill.stack.cluster_layout import Size

        size = Size(engines=self.engines, actions=1, triggers=1)
        if self.kind is StackKind.EMBEDDED:
            return embedded_bed
        return lambda settings: kafka_bed(size, shards=self.shards, settings=settings)

    def arguments(self) -> list[str]:
        """The options that choose it."""
        if self.kind is StackKind.EMBEDDED:
            return []
        return ["--stack", "kafka", "--engines", str(self.engines), "--shards", str(self.shards)]


@dataclass(frozen=True, slots=True)
class _Suite:
    """Which scenarios run, how often, with which parameters, and where the report goes."""

    names: Sequence[str]
    runs: int
    parameters: Sequence[str]
    report: Path | None
    peers: Path

    def command(self, stack: _Stack) -> str:
        """What repeats it."""
        options = [option for name in self.names for option in ("--scenario", name)]
        options += [option for parameter in self.parameters for option in ("--set", parameter)]
        return shlex.join(["tidemill", "bench", *options, "--runs", str(self.runs), *stack.arguments()])


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
    scenario: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A scenario of the suite, `short` or `all`; may be repeated."),
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="Runs of each scenario, for medians.")] = 1,
    parameters: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SCENARIO.NAME=VALUE", help="A parameter of a scenario."),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="NAME", help="Write NAME.json, NAME.md and NAME.png, or renew them."),
    ] = None,
    peers: Annotated[
        Path, typer.Option(metavar="FILE", help="Results of other engines, for the report.")
    ] = _PEERS,
    as_json: JsonFlag = False,
) -> None:
    """Measure the whole stack on this machine.

    It also checks that nothing was lost or doubled.

    Brings up services of its own on free ports, with a data directory that is gone afterwards. Without a
    scenario it runs one execution after the other, then many at once.
    """
    from tidemill.bench.workload import Workload
    from tidemill.testing.servers import ServerMissingError

    measured = _Stack(stack, engines, shards)
    suite = _Suite(scenario or [], runs, parameters or [], report, peers)
    try:
        if suite.names:
            _bench_suite(measured, suite, as_json=as_json)
        elif suite.parameters or suite.report or suite.runs > 1:
            raise CommandError("--runs, --set and --report are for scenarios: name one, or --scenario short")
        else:
            workload = Workload(executions=executions, steps=steps, payload_bytes=payload_bytes)
            _bench_once(measured, workload, as_json=as_json)
    except ServerMissingError as error:
        raise CommandError(str(error)) from error


def _bench_once(stack: _Stack, workload: "Workload", *, as_json: bool) -> None:
    from tidemill.bench.bench import run_bench

    result = run_async(run_bench(stack.opens({}), workload, note))
    if as_json:
        print_json(dict(result.to_json()))
    else:
        _print_result(result)
    for fault in result.faults[:_FAULTS_SHOWN_MAX]:
        note(fault)
    if not result.checked:
        raise CommandError(f"the check found {len(result.faults)} faults")


def _bench_suite(stack: _Stack, suite: _Suite, *, as_json: bool) -> None:
    from tidemill.bench.choosing import ChoiceError, chosen
    from tidemill.bench.report.document import DocumentError
    from tidemill.bench.report.plot import PlotError
    from tidemill.bench.report.tables import scenario
    from tidemill.bench.suite import run_suite

    try:
        scenarios = chosen(suite.names, suite.parameters)
    except ChoiceError as error:
        raise CommandError(str(error)) from error
    outcomes = run_async(run_suite(scenarios, stack.opens, note, runs=suite.runs))
    document = _document(outcomes, stack, suite)
    if as_json:
        print_json(document.to_json())
    else:
        for entry in document.entries:
            print_line("\n".join([*scenario(entry), ""]))
    if suite.report is not None:
        try:
            _write(suite.report, document, suite.peers)
        except (DocumentError, PlotError) as error:
            raise CommandError(str(error)) from error
    _judge(outcomes)


def _document(outcomes: "Sequence[Outcome]", stack: _Stack, suite: _Suite) -> "Document":
    from tidemill.bench import machine
    from tidemill.bench.report.document import Circumstances, Document, entry_of

    circumstances = Circumstances(
        stack=stack.kind.value,
        date=machine.today(),
        command=suite.command(stack),
        versions=machine.versions(on_servers=stack.kind is StackKind.KAFKA),
    )
    return Document(machine.machine(), [entry_of(outcome, circumstances) for outcome in outcomes])


def _write(report: Path, document: "Document", peers: Path) -> None:
    from tidemill.bench.report.writing import write_report
    from tidemill.bench.scenarios import SCENARIOS

    write_report(report, document, order=list(SCENARIOS), peers=peers)
    note(f"written: {report}.json, {report}.md, {report}.png")


def _judge(outcomes: "Sequence[Outcome]") -> None:
    """Raise CommandError for what was lost or doubled, and for targets that were missed."""
    wrong = [f"{outcome.scenario.name}: {fault}" for outcome in outcomes for fault in outcome.faults]
    wrong += [
        f"{outcome.scenario.name}: {target.figure} missed its target"
        for outcome in outcomes
        if not outcome.faults
        for target in outcome.missed()
    ]
    for sentence in wrong[:_FAULTS_SHOWN_MAX]:
        note(sentence)
    if wrong:
        raise CommandError(f"not all is as it should be: {len(wrong)} faults and missed targets")


def _print_result(result: "Result") -> None:
    rows: list[list[str]] = []
    for name, figure in result.to_json().items():
        if isinstance(figure, dict):
            rows += [[f"{name} {part}", str(value)] for part, value in figure.items()]
        else:
            rows.append([name, str(figure)])
    print_table(("figure", "value"), rows)
