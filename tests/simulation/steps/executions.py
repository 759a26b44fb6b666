"""Steps about what has become of executions."""

from collections import defaultdict

from pytest_bdd import parsers, then

from tests.simulation.steps.play import Play
from tests.simulation.steps.words import count_of, instant_us, value_of
from tidemill.api.engine.v1.execution_pb2 import Execution, ExecutionPhase
from tidemill.json import Json, dumps, loads

_EXECUTION = r'the execution(?: of "(?P<workflow>[^"]+)")?(?: for "(?P<subject>[^"]+)")?'


@then(parsers.re(_EXECUTION + " is (?P<phase>running|waiting|suspended)"))
def is_in(play: Play, workflow: str | None, subject: str | None, phase: str) -> None:
    assert _phase(play.execution(workflow, subject)) == phase


@then(parsers.re(_EXECUTION + "(?: is| has) completed"))
def is_completed(play: Play, workflow: str | None, subject: str | None) -> None:
    _completed(play.execution(workflow, subject))


@then(parsers.re(_EXECUTION + "(?: is| has) completed with: (?P<data>.+)"))
def is_completed_with(play: Play, workflow: str | None, subject: str | None, data: str) -> None:
    assert _completed(play.execution(workflow, subject)) == value_of(data)


@then(parsers.re(_EXECUTION + r'(?: is| has) faulted with status (?P<status>\d+)(?: at "(?P<at>[^"]+)")?'))
def is_faulted(play: Play, workflow: str | None, subject: str | None, status: str, at: str | None) -> None:
    execution = play.execution(workflow, subject)
    assert _phase(execution) == "faulted", _story(execution)
    assert execution.error.status == int(status), execution.error
    assert at in (None, execution.error.instance), execution.error


@then(parsers.re(_EXECUTION + r'(?: is| has) faulted because "(?P<detail>.+)"'))
def is_faulted_because(play: Play, workflow: str | None, subject: str | None, detail: str) -> None:
    execution = play.execution(workflow, subject)
    assert _phase(execution) == "faulted", _story(execution)
    assert detail in execution.error.detail


@then(parsers.re(_EXECUTION + r'(?: is| was) cancelled(?: because "(?P<reason>[^"]+)")?'))
def is_cancelled(play: Play, workflow: str | None, subject: str | None, reason: str | None) -> None:
    execution = play.execution(workflow, subject)
    assert _phase(execution) == "cancelled", _story(execution)
    assert reason in (None, execution.reason), execution.reason


@then(parsers.re(r'the executions of "(?P<workflow>[^"]+)" have completed with: (?P<data>.+)'))
def are_completed_with(play: Play, workflow: str, data: str) -> None:
    assert [_completed(execution) for execution in play.executions(workflow)] == value_of(data)


@then(parsers.re(r'the executions of "(?P<workflow>[^"]+)" are: (?P<phases>.+)'))
def are_in(play: Play, workflow: str, phases: str) -> None:
    assert [_phase(execution) for execution in play.executions(workflow)] == phases.split(", ")


@then(parsers.re(r'the executions of "(?P<workflow>[^"]+)" are in any order: (?P<phases>.+)'))
def are_somehow_in(play: Play, workflow: str, phases: str) -> None:
    found = [_phase(execution) for execution in play.executions(workflow)]
    assert sorted(found) == sorted(phases.split(", "))


@then(parsers.re(r'every execution of "(?P<workflow>[^"]+)" has faulted because "(?P<detail>.+)"'))
def are_faulted_because(play: Play, workflow: str, detail: str) -> None:
    for execution in play.executions(workflow):
        assert _phase(execution) == "faulted", _story(execution)
        assert detail in execution.error.detail


@then(parsers.re(r'"(?P<workflow>[^"]+)" was never started(?: for "(?P<subject>[^"]+)")?'))
def was_never_started(play: Play, workflow: str, subject: str | None) -> None:
    assert play.executions(workflow, subject) == []


@then(
    parsers.re(
        r'"(?P<workflow>[^"]+)" was started (?P<often>once|twice|\d+ times)(?: for "(?P<subject>[^"]+)")?'
    )
)
def was_started(play: Play, workflow: str, often: str, subject: str | None) -> None:
    assert len(play.executions(workflow, subject)) == count_of(often)


@then(parsers.re(r'"(?P<workflow>[^"]+)" was started at (?P<times>".+")'))
def was_started_at(play: Play, workflow: str, times: str) -> None:
    wanted = [instant_us(each) for each in value_of(f"[{times.replace(' and ', ', ')}]")]
    started = [round(each.started_at.ToNanoseconds() / 1_000) for each in play.executions(workflow)]
    assert started == wanted


@then(parsers.re(r'"(?P<workflow>[^"]+)" was started in the versions (?P<versions>.+)'))
def was_started_in(play: Play, workflow: str, versions: str) -> None:
    assert [each.version for each in play.executions(workflow)] == value_of(f"[{versions}]")


@then("each subject has got the same output every time")
def are_the_same(play: Play) -> None:
    outputs = defaultdict(list)
    for execution in play.executions():
        outputs[execution.subject].append(_completed(execution))
    assert all(len(each) > 1 and each.count(each[0]) == len(each) for each in outputs.values()), outputs


@then(parsers.re(r"there are (?P<number>\d+) different outputs"))
def are_different(play: Play, number: str) -> None:
    assert len({dumps(_completed(execution)) for execution in play.executions()}) == int(number)


@then(parsers.re(r"(?P<low>\d+) to (?P<high>\d+) of the outputs are (?P<data>.+)"))
def are_so_many(play: Play, low: str, high: str, data: str) -> None:
    outputs = [_completed(execution) for execution in play.executions()]
    assert int(low) <= outputs.count(value_of(data)) <= int(high)


def _phase(execution: Execution) -> str:
    return ExecutionPhase.Name(execution.phase).removeprefix("EXECUTION_PHASE_").lower()


def _completed(execution: Execution) -> Json:
    assert _phase(execution) == "completed", _story(execution)
    return loads(execution.output.data)


def _story(execution: Execution) -> str:
    """What a failing step says of an execution."""
    return (
        f"{execution.workflow} {execution.subject}: {_phase(execution)} {execution.error} {execution.reason}"
    )
