"""`call: asyncapi` with a subscription: a loop of calls whose positions stand in the execution."""

import copy
from typing import Any

import pytest

from tests.asyncapi_documents import document_v2, document_v3
from tests.unit.core.asyncapi_calls import (
    CONSUME,
    FOREACH,
    asked,
    bring,
    compiled,
    payloads,
    refused,
    subscribing,
)
from tests.unit.core.driver import EXECUTION_ID, START_US, Value, call_task, raise_task, set_task
from tidemill.engine.core.problems import Problem
from tidemill.engine.core.secrets import SecretPath, SecretUse
from tidemill.engine.core.settings import CoreSettings
from tidemill.engine.core.state import Phase

ASK = {"do": [call_task("ask", {"n": "${ $item.payload }", "at": "${ $index }"})]}
ASKED = f"{FOREACH}/do/0/ask"


def subscription(consume: Value, **members: Value) -> dict[str, Any]:
    return {"operation": "getNotifications", "subscription": {"consume": consume, **members}}


def keys(driver: Any) -> list[str]:  # noqa: ANN401 - a Driver
    return [call.key.partition("#")[2] for call in driver.all_calls]


def test_the_first_call_says_since_when_and_the_others_from_where() -> None:
    driver = subscribing({"amount": 3}).start()
    [call] = driver.calls.values()
    assert call.action == "kafka.receive"
    assert asked(driver) == {
        "servers": ["kafka.example:9092"],
        "topic": "notifications",
        "subscription": f"{EXECUTION_ID}:/do/0/call#1",
        "sinceUs": START_US,
        "contentType": "application/json",
        "correlation": "$message.header#/correlationId",
        "max": 3,
    }
    bring(driver, position={"0": 5})
    assert (asked(driver)["position"], "sinceUs" in asked(driver)) == ({"0": 5}, False)
    bring(driver, "a", "b", position={"0": 7})
    assert (asked(driver)["position"], asked(driver)["max"]) == ({"0": 7}, 1)
    bring(driver, "c", position={"0": 8})
    assert payloads(driver) == ["a", "b", "c"]
    assert keys(driver) == ["1.1.1", "1.2.1", "1.3.1"]


@pytest.mark.parametrize(
    ("consume", "expected"),
    [
        ({"while": "${ length < 2 }"}, ["a", "b"]),
        ({"while": "${ ($context.consumedMessages | length) < 2 }"}, ["a", "b"]),
        ({"while": "${ false }"}, ["a"]),
        ({"until": "${ length == 2 }"}, ["a", "b"]),
        ({"until": "${ ($context.messages | length) == 2 }"}, ["a", "b"]),
        ({"until": '${ .[-1].payload == "c" }'}, ["a", "b", "c"]),
    ],
)
@pytest.mark.parametrize("batches", [[["a", "b", "c"]], [["a"], ["b"], ["c"]], [["a", "b"], ["c"]]])
def test_a_condition_is_asked_with_each_message(
    consume: Value, expected: list[str], batches: list[list[str]]
) -> None:
    driver = subscribing(consume).start()
    bring(driver, position={"0": 0})
    for number, batch in enumerate(batches):
        if driver.phase is not Phase.COMPLETED:
            bring(driver, *batch, position={"0": number + 1})
    assert payloads(driver) == expected


def test_until_may_hold_before_the_first_message() -> None:
    driver = subscribing({"until": "${ length == 0 }"}).start()
    assert (driver.output, driver.all_calls) == ([], [])


def test_what_stands_in_the_context_is_not_hidden() -> None:
    foreach = {"export": {"as": {"messages": "${ $index + 1 }"}}}
    driver = subscribing({"until": "${ $context.messages == 2 }"}, foreach=foreach).start()
    bring(driver, "a", "b", "c", position=1)
    assert payloads(driver) == ["a", "b"]


def test_the_time_of_for_is_told_and_ends_it() -> None:
    driver = subscribing({"amount": 5, "for": {"seconds": 10}}).start()
    bring(driver, position=0)
    assert asked(driver)["untilUs"] == START_US + 10_000_000
    bring(driver, "a", position=1)
    driver.now_us += 9_999_999
    bring(driver, "b", position=2)
    assert driver.phase is Phase.RUNNING
    driver.now_us += 1
    bring(driver, position=2)
    assert payloads(driver) == ["a", "b"]


def test_an_expression_may_say_the_time() -> None:
    driver = subscribing({"while": "${ true }", "for": "${ .patience }"}).start({"patience": "PT1S"})
    assert asked(driver)["untilUs"] == START_US + 1_000_000


def test_a_call_that_brings_nothing_leaves_nothing_behind() -> None:
    driver = subscribing({"amount": 1}).start()
    bring(driver, position={"0": 0})
    rounds = len(driver.state.frames["/do/0/call"].listening.outputs)  # type: ignore[union-attr]
    for _ in range(5):
        bring(driver, position={"0": 0})
    assert len(driver.state.frames["/do/0/call"].listening.outputs) == rounds == 1  # type: ignore[union-attr]
    assert len(set(keys(driver))) == len(driver.all_calls) == 7
    # A position that has moved past what did not pass is worth to be kept.
    bring(driver, position={"0": 9})
    assert asked(driver)["position"] == {"0": 9}


def test_the_filter_goes_to_whoever_reads_with_what_it_asks_for() -> None:
    passes = "${ .correlationId == $context.userId and $workflow.input.x == 1 }"
    driver = subscribing({"amount": 1}, filter=passes).start({"x": 1})
    filtering = asked(driver)["filter"]
    assert filtering["expression"] == ".correlationId == $context.userId and $workflow.input.x == 1"
    assert filtering["variables"]["context"] == {}
    assert filtering["variables"]["workflow"]["input"] == {"x": 1}
    # It is large, and nobody asks for it.
    assert "definition" not in filtering["variables"]["workflow"]
    assert filtering["nowUs"] == START_US


def test_foreach_runs_its_tasks_for_one_message_after_the_other() -> None:
    driver = subscribing({"amount": 3}, foreach=ASK).start()
    bring(driver, position=0)
    bring(driver, "a", "b", position=1)
    assert driver.call_of(ASKED).arguments.value == {"n": "a", "at": 0}
    driver.succeed(ASKED, 1)
    assert driver.call_of(ASKED).arguments.value == {"n": "b", "at": 1}
    driver.succeed(ASKED, 2)
    assert asked(driver)["max"] == 1
    bring(driver, "c", position=2)
    assert driver.call_of(ASKED).arguments.value == {"n": "c", "at": 2}
    driver.succeed(ASKED, 3)
    # Without `output.as` a message stays what it is.
    assert payloads(driver) == ["a", "b", "c"]
    assert keys(driver) == ["1.1.1", "1.2.1", "1.2.1.1.1", "1.2.1.2.1", "1.3.1", "1.3.1.1.1"]


def test_foreach_transforms_and_exports() -> None:
    foreach = {
        "item": "note",
        "at": "number",
        "do": [set_task("double", {"n": "${ $note.payload * 2 }"})],
        "output": {"as": "${ .n + $number }"},
        "export": {"as": {"total": "${ ($context.total // 0) + . }"}},
    }
    driver = subscribing({"until": "${ $context.total > 10 }"}, foreach=foreach).start()
    bring(driver, position=0)
    bring(driver, 1, 2, 3, 4, position=1)
    assert driver.output == [2, 5, 8]
    assert driver.state.context.value == {"total": 15}


def test_what_is_exported_may_change_what_passes_next() -> None:
    foreach = {"export": {"as": {"last": "${ $item.payload }"}}}
    driver = subscribing({"amount": 9}, filter="${ .payload > $context.last }", foreach=foreach).start()
    bring(driver, position=0)
    assert asked(driver)["max"] == 1
    bring(driver, 5, position=1)
    assert asked(driver)["filter"]["variables"] == {"context": {"last": 5}}


def test_messages_that_are_left_over_are_for_nobody() -> None:
    driver = subscribing({"until": '${ .[-1].payload == "b" }'}, foreach=ASK).start()
    bring(driver, position=0)
    bring(driver, "a", "b", "c", position=3)
    driver.succeed(ASKED)
    driver.succeed(ASKED)
    assert payloads(driver) == ["a", "b"]


def test_a_fault_of_a_call_is_one_of_the_task() -> None:
    driver = subscribing({"amount": 1}).start()
    driver.fail(CONSUME, status=503)
    assert (driver.error.status, driver.error.instance) == (503, "/do/0/call")


def test_an_operator_goes_on_where_it_was() -> None:
    driver = subscribing({"amount": 3}, foreach=ASK).start()
    bring(driver, position=0)
    bring(driver, "a", position=1)
    driver.succeed(ASKED)
    driver.fail(CONSUME)
    assert driver.phase is Phase.FAULTED
    driver.retry()
    assert asked(driver)["position"] == 1
    bring(driver, "b", position=2)
    driver.fail(ASKED)
    driver.retry()
    assert driver.call_of(ASKED).arguments.value == {"n": "b", "at": 1}
    driver.succeed(ASKED)
    bring(driver, "c", position=3)
    driver.succeed(ASKED)
    assert payloads(driver) == ["a", "b", "c"]


def test_what_comes_while_it_is_suspended_counts() -> None:
    driver = subscribing({"amount": 2}).start()
    bring(driver, position=0)
    driver.suspend()
    bring(driver, "a", position=1)
    assert driver.phase is Phase.SUSPENDED
    driver.resume()
    bring(driver, "b", position=2)
    assert payloads(driver) == ["a", "b"]


def test_a_retry_keeps_the_name_under_which_its_beginning_is_noted() -> None:
    given = {"document": {"endpoint": "https://fake.com/docs/asyncapi.json"}, **subscription({"amount": 1})}
    inside = {"call": {"call": "asyncapi", "with": given}}
    handler = {"retry": {"delay": "PT1S", "limit": {"attempt": {"count": 1}}}}
    task = {"again": {"try": [inside], "catch": handler}}
    driver = compiled(subscription({"amount": 1}), after=(task,)).start()
    bring(driver, "x", position=0)
    place = "/do/1/again/try/0/call/with/subscription/consume"
    first = asked(driver)
    driver.fail(place)
    driver.fire_next()
    second = asked(driver)
    assert second["subscription"] == first["subscription"] == f"{EXECUTION_ID}:/do/1/again/try/0/call#1"
    assert [call.attempt for call in driver.all_calls] == [1, 1, 2]


def test_cancelling_ends_the_call() -> None:
    driver = subscribing({"while": "${ true }"}).start()
    driver.cancel()
    assert driver.cancellations == {(driver.all_calls[0].key, 1)}


def test_a_timeout_ends_the_call() -> None:
    driver = compiled(subscription({"while": "${ true }"}), timeout={"after": "PT1M"}).start()
    driver.fire_next()
    assert driver.error.status == 408
    assert driver.cancellations == {(driver.all_calls[0].key, 1)}


def test_then_end_in_a_round_ends_the_workflow() -> None:
    foreach = {"do": [set_task("stop", {"seen": "${ $item.payload }"}, then="end")]}
    driver = subscribing({"while": "${ true }"}, foreach=foreach).start()
    bring(driver, "a", position=0)
    assert driver.output == {"seen": "a"}


def test_a_fault_in_a_round_faults_the_task() -> None:
    driver = subscribing({"amount": 1}, foreach={"do": [raise_task("no")]}).start()
    bring(driver, "a", position=0)
    assert isinstance(driver.error, Problem)
    assert driver.error.instance == f"{FOREACH}/do/0/no"


def test_a_long_batch_is_gone_through_in_turns() -> None:
    settings = CoreSettings(entries_per_command_max=7)
    foreach = {"do": [set_task("keep", "${ $item.payload }")], "output": {"as": "."}}
    driver = subscribing({"amount": 50}, foreach=foreach, settings=settings).start()
    bring(driver, *range(50), position=0)
    driver.go_on()
    assert driver.output == list(range(50))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (CoreSettings(events_per_listen_max=3), "events_per_listen_max (3) messages"),
        (CoreSettings(bytes_per_listen_max=100), "bytes_per_listen_max (100) bytes"),
    ],
)
def test_a_subscription_has_limits(settings: CoreSettings, words: str) -> None:
    driver = subscribing({"while": "${ true }"}, settings=settings).start()
    for number in range(3):
        bring(driver, number, position=number)
    bring(driver, "x" * 100, position=4)
    assert words in driver.error.detail


def test_a_web_socket_is_one_call_for_all() -> None:
    given = {**subscription({"amount": 2, "for": "PT5S"}), "protocol": "ws"}
    given["authentication"] = {"bearer": {"token": "${ $secrets.token }"}}
    driver = compiled(given).start()
    [call] = driver.calls.values()
    assert call.action == "ws.receive"
    assert asked(driver) == {
        "uri": "ws://fake.com/notifications",
        "authentication": {"bearer": {"token": "(secret)"}},
        "contentType": "application/json",
        "correlation": "$message.header#/correlationId",
        "max": 2,
        "untilUs": START_US + 5_000_000,
    }
    assert call.secrets == (SecretUse("/authentication/bearer/token", (SecretPath("token"),)),)
    bring(driver, "a", "b")
    assert payloads(driver) == ["a", "b"]


def test_a_document_of_2_subscribes_by_channel_and_by_operation() -> None:
    for name in ({"channel": "/notifications"}, {"operation": "getNotifications"}):
        given = {**name, "subscription": {"consume": {"amount": 1}}}
        driver = compiled(given, document=document_v2()).start()
        assert asked(driver)["topic"] == "notifications"


def without_broker() -> dict[str, Any]:
    document = copy.deepcopy(document_v3())
    document["channels"]["/notifications"]["servers"] = [{"$ref": "#/servers/staging"}]
    return document


@pytest.mark.parametrize(
    ("given", "document", "pointer", "words"),
    [
        (
            subscription({"amount": 1}),
            without_broker(),
            "",
            "no server that speaks kafka or ws; it is served by",
        ),
        (
            {**subscription({"amount": 1}), "protocol": "http"},
            None,
            "/protocol",
            "http, and what runs to subscribe is kafka and ws",
        ),
        (
            {**subscription({"until": "${ true }"}), "protocol": "ws"},
            None,
            "/subscription/consume",
            "`consume` needs an `amount`",
        ),
        (
            {**subscription({"amount": 1}), "protocol": "ws", "authentication": {"digest": {}}},
            None,
            "/authentication",
            "ws has no `digest` authentication",
        ),
    ],
)
def test_what_is_wrong_is_told_at_publish(given: Value, document: Value, pointer: str, words: str) -> None:
    found = refused(given, document=document)
    assert found[0] == pointer, found
    assert words in found[1]
