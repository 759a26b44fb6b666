"""`run: shell`, `script` and `container` ask the Action service, and go on from its answer."""

import pytest

from tests.unit.core.driver import EXECUTION_ID, Driver, Task, Value, set_task
from tidemill import lanes
from tidemill.engine.core.events import ActionState
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.problems import Problem
from tidemill.engine.core.state import Phase

JOB = "/do/0/job"
OFF = Problem("https://open-workflow-specification.org/spec/1.0.0/errors/configuration", 400, "", "off")


def job(given: Value, **members: Value) -> Task:
    assert isinstance(given, dict)
    return {"job": {"run": given, **members}}


def asked(given: Value, data: Value = None) -> tuple[str, Value]:
    """The action of a job and its arguments."""
    call = Driver(job(given)).start(data).call_of(JOB)
    return call.action, call.arguments.value


def test_a_shell_command_is_evaluated_as_a_whole() -> None:
    shell: Value = {
        "command": "${ .command }",
        "arguments": ["a", "${ .n }"],
        "environment": {"A": "${ .n }", "B": "${HOME} stays"},
        "stdin": "${ . }",
    }
    data: Value = {"command": "ls", "n": 1}
    assert asked({"shell": shell}, data) == (
        "run.shell",
        {
            "command": "ls",
            "arguments": ["a", 1],
            "environment": {"A": 1, "B": "${HOME} stays"},
            "stdin": data,
            "return": "stdout",
            "await": True,
        },
    )


def test_a_script_goes_with_its_code_and_what_is_to_be_returned() -> None:
    given: Value = {"script": {"language": "python", "code": "print(1)"}, "return": "all"}
    assert asked(given) == (
        "run.script",
        {"language": "python", "code": "print(1)", "return": "all", "await": True},
    )


def test_a_container_has_a_name_that_tells_whose_it_is() -> None:
    name, arguments = asked({"container": {"image": "${ .image }"}}, {"image": "alpine"})
    unique = lanes.derived_uuid(("container", EXECUTION_ID, JOB, "1", "1"))
    assert name == "run.container"
    assert arguments == {
        "image": "alpine",
        "name": f"orders-{unique}.shop-job",
        "return": "stdout",
        "await": True,
    }


def test_the_name_of_a_container_holds_what_runtimes_take() -> None:
    task: Task = {"späte Arbeit / 2": {"run": {"container": {"image": "a"}}}}
    [call] = Driver(task).start().all_calls
    arguments = call.arguments.value
    assert isinstance(arguments, dict)
    assert str(arguments["name"]).endswith(".shop-sp-te-Arbeit-2")


def test_an_author_may_name_a_container() -> None:
    _, arguments = asked({"container": {"image": "a", "name": '${ "b-\\(.n)" }'}}, {"n": 2})
    assert isinstance(arguments, dict)
    assert arguments["name"] == "b-2"


@pytest.mark.parametrize("after", [{"minutes": 1}, "PT1M", "${ .after }"])
def test_how_long_a_container_stays_is_told_in_microseconds(after: Value) -> None:
    lifetime: Value = {"cleanup": "eventually", "after": after}
    _, arguments = asked({"container": {"image": "a", "lifetime": lifetime}}, {"after": "PT60S"})
    assert isinstance(arguments, dict)
    assert arguments["lifetime"] == {"cleanup": "eventually", "afterUs": 60_000_000}


def test_a_lifetime_without_a_time_is_handed_on() -> None:
    _, arguments = asked({"container": {"image": "a", "lifetime": {"cleanup": "never"}}})
    assert isinstance(arguments, dict)
    assert arguments["lifetime"] == {"cleanup": "never"}


def test_a_time_that_is_none_is_an_expression_error() -> None:
    lifetime: Value = {"cleanup": "eventually", "after": "${ .after }"}
    driver = Driver(job({"container": {"image": "a", "lifetime": lifetime}})).start({"after": "soon"})
    assert driver.error.type.endswith("/errors/expression")


def test_the_output_is_what_the_action_gives() -> None:
    driver = Driver(job({"shell": {"command": "ls"}}), set_task("note", {"said": "${ . }"})).start({"n": 1})
    driver.succeed(JOB, "a\n")
    assert driver.output == {"said": "a\n"}


def test_without_await_the_output_is_the_transformed_input() -> None:
    given: Value = {"shell": {"command": "ls"}, "await": False}
    driver = Driver(job(given, input={"from": "${ .inner }"})).start({"inner": {"n": 1}})
    assert driver.phase is Phase.RUNNING, "until the program has begun"
    driver.succeed(JOB, None)
    assert driver.output == {"n": 1}


@pytest.mark.parametrize("awaits", [True, False])
def test_an_error_of_the_action_is_that_of_the_task(awaits: bool) -> None:
    driver = Driver(job({"shell": {"command": "ls"}, "await": awaits})).start()
    driver.answer(driver.call_of(JOB), ActionState.FAILED, error=OFF)
    assert (driver.error.type, driver.error.status, driver.error.instance) == (OFF.type, 400, JOB)


def test_a_timeout_is_handed_on_with_the_call_and_cancels_it() -> None:
    driver = Driver(job({"shell": {"command": "ls"}}, timeout={"after": "PT5S"})).start()
    assert driver.call_of(JOB).timeout_us == 5_000_000
    driver.fire_next()
    assert driver.error.status == 408
    assert len(driver.cancellations) == 1


def test_an_output_of_another_kind_is_kept_as_it_came() -> None:
    driver = Driver(job({"shell": {"command": "ls"}, "return": "code"})).start()
    driver.answer(driver.call_of(JOB), ActionState.SUCCEEDED, output=Payload.of(3))
    assert driver.output == 3
