"""Functions of authors: declared, checked, run here, as tasks or in threads, and what their errors become."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from tests.unit.actions.samples import call
from tidemill.action_kit import ActionContext, ActionError, EffectClass, FunctionAction, Schema, action
from tidemill.action_kit.errors import ERROR_TYPES
from tidemill.actions.adapters.functions import InvalidSchemaError, function_action
from tidemill.actions.adapters.threads import Threads
from tidemill.actions.core import problems
from tidemill.actions.core.model import ActionState, Outcome, Problem
from tidemill.actions.registry import DuplicateActionError, NotDeliveredError, Registry
from tidemill.dsl.standard_errors import STANDARD_ERRORS
from tidemill.json import Json
from tidemill.telemetry.metrics import Metrics

CONTACT = {"type": "object", "required": ["contact"], "properties": {"contact": {"type": "string"}}}
NUMBER = {"type": "number"}


@action("crm.score:1.0.0", effect_class="pure", inline=True, input_schema=CONTACT, output_schema=NUMBER)
def score(arguments: Json, context: ActionContext) -> Json:
    """Scores a contact.

    By nothing at all.
    """
    assert isinstance(arguments, dict)
    return arguments.get("score", 1)


@action("crm.tag:1.0.0", effect_class="once", timeout_seconds=2.5, rate_group="crm")
async def tag(arguments: Json, context: ActionContext) -> Json:
    return [context.idempotency_key, context.attempt, context.namespace, context.execution_id, arguments]


@action("crm.thread:1.0.0", effect_class=EffectClass.IDEMPOTENT, description="Says where it runs.")
def where(arguments: Json, context: ActionContext) -> Json:
    return threading.current_thread() is threading.main_thread()


def raising(error: BaseException) -> FunctionAction:
    @action("crm.broken:1.0.0", effect_class="once", inline=True)
    def broken(arguments: Json, context: ActionContext) -> Json:
        raise error

    return broken


@pytest.fixture
def threads() -> Threads:
    return Threads(Metrics(), threads_max=2, lost_max=2)


async def run(declared: FunctionAction, threads: Threads, arguments: bytes = b"{}") -> Outcome:
    return await function_action(declared, threads).run(call(arguments=arguments))


async def until(reached: Callable[[], bool]) -> None:
    """Threads have no event to wait for from here."""
    while not reached():  # noqa: ASYNC110
        await asyncio.sleep(0.001)


def error(outcome: Outcome) -> Problem:
    assert outcome.state is ActionState.FAILED
    assert outcome.error is not None
    return outcome.error


def test_a_declaration_says_all_there_is(threads: Threads) -> None:
    spec = function_action(tag, threads).spec
    assert (spec.name, spec.version, spec.full_name) == ("crm.tag", "1.0.0", "crm.tag:1.0.0")
    assert (spec.timeout_us, spec.rate_group, spec.effect_class) == (2_500_000, "crm", EffectClass.ONCE)
    assert (spec.input_schema, spec.description) == (b"", "")
    assert function_action(where, threads).spec.description == "Says where it runs."
    scored = function_action(score, threads).spec
    assert (scored.output_schema, scored.description) == (b'{"type":"number"}', "Scores a contact.")
    assert scored.rate_group == "crm.score:1.0.0"


@pytest.mark.parametrize("name", ["crm.tag", "crm.tag:1", "crm.tag:1.0", ":1.0.0", "a b:1.0.0", "1a:1.0.0"])
def test_a_name_without_a_version_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"name:1\.0\.0"):
        action(name, effect_class="once")(lambda arguments, context: None)


def test_other_wrong_declarations_are_refused() -> None:
    async def later(arguments: Json, context: ActionContext) -> Json:
        return None

    with pytest.raises(ValueError, match="inline"):
        action("a:1.0.0", effect_class="once", inline=True)(later)
    with pytest.raises(ValueError, match="timeout_seconds"):
        action("a:1.0.0", effect_class="once", timeout_seconds=0)(later)
    with pytest.raises(ValueError, match="twice"):
        action("a:1.0.0", effect_class="twice")


@pytest.mark.parametrize("schema", [{"type": "nothing"}, 5, "text"])
def test_a_schema_that_is_none_is_refused(schema: Schema, threads: Threads) -> None:
    declared = action("a:1.0.0", effect_class="once", input_schema=schema)(lambda arguments, context: None)
    with pytest.raises(InvalidSchemaError, match=r"input schema of a:1\.0\.0"):
        function_action(declared, threads)


def test_two_actions_of_one_name_are_refused(threads: Threads) -> None:
    made = function_action(tag, threads)
    with pytest.raises(DuplicateActionError, match=r"crm\.tag:1\.0\.0"):
        Registry([made, made])


async def test_an_author_can_call_the_function_itself() -> None:
    answer = tag([1], ActionContext("k", 2, "shop", "e", "/do/0"))
    assert isinstance(answer, Awaitable)
    assert await answer == ["k", 2, "shop", "e", [1]]


async def test_a_function_gets_its_arguments_and_context(threads: Threads) -> None:
    outcome = await run(tag, threads, b'{"a":1}')
    assert outcome == Outcome(ActionState.SUCCEEDED, b'["k",1,"shop","e",{"a":1}]')


async def test_a_plain_function_runs_in_a_thread_and_an_inline_one_does_not(threads: Threads) -> None:
    assert (await run(where, threads)).output == b"false"
    inline = action("a:1.0.0", effect_class="once", inline=True)(where.function)
    assert (await run(inline, threads)).output == b"true"


async def test_arguments_against_the_schema_are_a_validation_error(threads: Threads) -> None:
    problem = error(await run(score, threads, b'{"contact":5}'))
    assert (problem.type, problem.status) == (ERROR_TYPES + "validation", 400)
    assert problem.detail.startswith("the input of crm.score:1.0.0 at /contact: ")


@pytest.mark.parametrize("arguments", [b"{broken", b'"\\u0000"', b"123456789012345678901234567890"])
async def test_arguments_that_no_payload_may_hold_are_a_validation_error(
    arguments: bytes, threads: Threads
) -> None:
    assert error(await run(tag, threads, arguments)).status == 400


async def test_an_output_against_the_schema_is_a_validation_error(threads: Threads) -> None:
    problem = error(await run(score, threads, b'{"contact":"c","score":"high"}'))
    assert (problem.status, problem.detail.partition(":")[0]) == (400, "the output of crm.score")


async def test_an_output_that_is_no_json_is_a_validation_error(threads: Threads) -> None:
    declared = action("a:1.0.0", effect_class="once", inline=True)(lambda arguments, context: {1, 2})  # type: ignore[arg-type]
    assert "is not JSON" in error(await run(declared, threads)).detail
    not_a_number = action("a:1.0.0", effect_class="once", inline=True)(
        lambda arguments, context: float("nan")
    )
    assert error(await run(not_a_number, threads)).status == 400


async def test_an_error_of_the_author_is_the_problem_as_it_is(threads: Threads) -> None:
    raised = ActionError(
        status=409, title="Conflict", detail="tagged already", type="https://example.com/tagged"
    )
    problem = error(await run(raising(raised), threads))
    assert problem == Problem("https://example.com/tagged", 409, "Conflict", "tagged already")
    assert str(raised) == "tagged already"


async def test_an_error_of_the_author_is_a_runtime_error_by_default(threads: Threads) -> None:
    assert error(await run(raising(ActionError(status=503)), threads)).type == ERROR_TYPES + "runtime"


@pytest.mark.parametrize("raised", [KeyError("contact"), SystemExit(3)])
async def test_anything_else_is_a_runtime_error_by_name(raised: BaseException, threads: Threads) -> None:
    problem = error(await run(raising(raised), threads))
    assert (problem.type, problem.status) == (ERROR_TYPES + "runtime", 500)
    assert problem.detail == f"{type(raised).__name__}: {raised}"


async def test_a_thread_that_does_not_return_gives_its_place_back(threads: Threads) -> None:
    release = threading.Event()

    def hang() -> Outcome:
        release.wait(10)
        return Outcome(ActionState.SUCCEEDED, b"1")

    for _ in range(2):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await threads.run(hang)
    with pytest.raises(NotDeliveredError, match="do not return"):
        await threads.run(hang)
    release.set()
    await until(lambda: not threads.lost)
    assert (await threads.run(lambda: Outcome(ActionState.SUCCEEDED, b"2"))).output == b"2"


async def test_no_more_threads_run_than_may(threads: Threads) -> None:
    release = threading.Event()
    running: list[int] = []

    def work() -> Outcome:
        running.append(1)
        release.wait(10)
        return Outcome(ActionState.SUCCEEDED)

    tasks = [asyncio.create_task(threads.run(work)) for _ in range(4)]
    await until(lambda: len(running) == 2)
    await asyncio.sleep(0.01)
    assert len(running) == 2
    release.set()
    await asyncio.gather(*tasks)
    assert len(running) == 4


async def test_whatever_ends_a_thread_ends_the_call(threads: Threads) -> None:
    def leave() -> Outcome:
        raise SystemExit(1)

    assert error(await threads.run(leave)).detail == "SystemExit: 1"


def test_the_problems_are_the_standard_errors() -> None:
    made = {
        "configuration": problems.configuration_problem("x"),
        "validation": problems.validation_problem("x"),
        "timeout": problems.timeout_problem("x"),
        "runtime": problems.runtime_problem("x"),
        "communication": problems.communication_problem(500, "x"),
    }
    for name, problem in made.items():
        assert (problem.type, problem.status, problem.title) == STANDARD_ERRORS[name]
