"""The steps of the conformance kit's scenarios, and the stack that they run on."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from io import StringIO
from itertools import count
from typing import Any

import pytest
from pytest_bdd import given, parsers, then, when
from ruamel.yaml import YAML

from tests.e2e.ctk.outside import HTTPBIN, PETSTORE, outside
from tests.e2e.running import Report, RunningStack
from tests.e2e.web import serving


@dataclass
class Run:
    """One scenario's workflow and what became of it."""

    definition: str = ""
    input: Any = None
    report: Report | None = None

    @property
    def ended(self) -> Report:
        assert self.report is not None, "the workflow has not been executed"
        return self.report


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """The stack of all scenarios; calls to the kit's web services stay on this machine."""
    data = tmp_path_factory.mktemp("ctk")
    with serving(outside) as here:
        hosts = f"{PETSTORE}={here},{HTTPBIN}={here}"
        variables = {"TIDEMILL_ACTIONS_HTTP_HOSTS": hosts, "TIDEMILL_ENGINE_FETCH_HOSTS": hosts}
        with RunningStack(data, **variables) as running:
            yield running


@pytest.fixture(scope="module")
def namespaces() -> Iterator[str]:
    """One for each scenario: some of the kit's definitions share their name and version."""
    return (f"ctk-{number}" for number in count(1))


@pytest.fixture
def run() -> Run:
    return Run()


@given("a workflow with definition:")
def a_workflow(run: Run, docstring: str, namespaces: Iterator[str]) -> None:
    run.definition, changed = re.subn(
        r"^  namespace: default$", f"  namespace: {next(namespaces)}", docstring, flags=re.MULTILINE
    )
    assert changed == 1


# The kit says "And given ...".
@given("given the workflow input is:")
def an_input(run: Run, docstring: str) -> None:
    run.input = _yaml(docstring)


@when("the workflow is executed")
def is_executed(run: Run, stack: RunningStack) -> None:
    run.report = stack.run(run.definition, run.input)


@then("the workflow should complete")
def completes(run: Run) -> None:
    assert (run.ended.phase, run.ended.error) == ("completed", None)


@then("the workflow should complete with output:")
def completes_with(run: Run, docstring: str) -> None:
    completes(run)
    assert run.ended.output == _yaml(docstring)


@then("the workflow should fault")
def faults(run: Run) -> None:
    assert run.ended.phase == "faulted"
    assert run.ended.error


@then("the workflow should fault with error:")
def faults_with(run: Run, docstring: str) -> None:
    faults(run)
    wanted = _yaml(docstring)
    assert {name: run.ended.error[name] for name in wanted} == wanted


@then(parsers.re("the workflow output should have properties (?P<paths>'.+')"))
def has_properties(run: Run, paths: str) -> None:
    for path in re.findall(r"'([^']+)'", paths):
        _at(run.ended.output, path)


@then(parsers.re("the workflow output should have a '(?P<path>[^']+)' property with value:"))
def has_value(run: Run, path: str, docstring: str) -> None:
    assert _at(run.ended.output, path) == _yaml(docstring)


@then(
    parsers.re(
        r"the workflow output should have a '(?P<path>[^']+)' property containing (?P<number>\d+) items"
    )
)
def has_items(run: Run, path: str, number: str) -> None:
    assert len(_at(run.ended.output, path)) == int(number)


@then(parsers.parse("{task} should run first"))
def runs_first(run: Run, task: str) -> None:
    assert run.ended.names[0] == task


@then(parsers.parse("{task} should run last"))
def runs_last(run: Run, task: str) -> None:
    assert run.ended.names[-1] == task


@then(parsers.parse("{task} should run after {other}"))
def runs_after(run: Run, task: str, other: str) -> None:
    first, second = (run.ended.tasks[run.ended.names.index(name)] for name in (other, task))
    assert run.ended.tasks.index(first) < run.ended.tasks.index(second)
    assert first["ended_at"] <= second["started_at"]


def _yaml(text: str) -> Any:  # noqa: ANN401 - any JSON value
    return YAML(typ="safe", pure=True).load(StringIO(text))


def _at(value: Any, path: str) -> Any:  # noqa: ANN401 - any JSON value
    """The value at a path of member names; raises KeyError."""
    return reduce(lambda inner, name: inner[name], path.split("."), value)
