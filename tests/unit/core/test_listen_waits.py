"""The waits of a `listen`: correlation, lanes, names; and timeouts, races and retries around them."""

from typing import Any

import pytest

from tests.unit.core.driver import SECOND_US, Task, Value, call_task, raise_task, set_task
from tests.unit.core.listener import Listener, event, with_policies
from tidemill import lanes
from tidemill.dsl.problems import DocumentError
from tidemill.engine.core.commands import DeliverEvent
from tidemill.engine.core.effects import Subscribe, Unsubscribe
from tidemill.engine.core.events import EventReceived
from tidemill.engine.core.payload import Payload
from tidemill.engine.core.state import Phase
from tidemill.events.shapes import correlation_key

TIMEOUT = {"after": "PT10S"}


def wanted(event_type: str, correlate: Value = None, **attributes: Value) -> Task:
    """An event filter."""
    given = {"with": {"type": event_type, **attributes}}
    return given if correlate is None else {**given, "correlate": correlate}


def listen(to: Value, name: str = "hear", **members: Value) -> Task:
    """A `listen` task."""
    return {name: {"listen": {"to": to}, **members}}


ORDER = {"order": {"from": ".data.order"}}
EXPECTED = {"order": {"from": ".data.order", "expect": "${ .id }"}}
ITEM = {"item": {"from": ".data.item", "expect": "pen"}}
PAIR: Task = {"all": [wanted("paid", ORDER), wanted("sent", {"order": {"from": ".data.of"}})]}

# The strategy; the events as type and data; the positions of those that are taken; whether enough has come.
CORRELATIONS: list[tuple[Value, list[tuple[str, Any]], list[int], bool]] = [
    ({"one": wanted("paid", EXPECTED)}, [("paid", {"order": 6}), ("paid", {"order": 7})], [1], True),
    ({"one": wanted("paid", EXPECTED)}, [("paid", {"order": 7.0})], [0], True),
    ({"one": wanted("paid", EXPECTED)}, [("paid", {"order": "7"}), ("paid", {}), ("paid", 5)], [], False),
    ({"one": wanted("paid", ITEM)}, [("paid", {"item": "ink"}), ("paid", {"item": "pen"})], [1], True),
    # Without `expect` the first value counts from then on, for all filters of the task.
    (PAIR, [("paid", {"order": 1}), ("sent", {"of": 2}), ("sent", {"of": 1})], [0, 2], True),
    (PAIR, [("sent", {"of": 2}), ("paid", {"order": 1}), ("paid", {"order": 2})], [0, 2], True),
    (PAIR, [("sent", {"of": None}), ("sent", {}), ("sent", {"of": 2})], [2], False),
    # What one filter expects, the other that has the name expects too.
    (
        {"all": [wanted("paid", ORDER), wanted("sent", EXPECTED)]},
        [("paid", {"order": 6}), ("paid", {"order": 7}), ("sent", {"order": 7})],
        [1, 2],
        True,
    ),
    # Two filters that expect different values of one name each hold to their own.
    (
        {
            "all": [
                wanted("paid", {"x": {"from": ".data", "expect": "p"}}),
                wanted("sent", {"x": {"from": ".data", "expect": "s"}}),
            ]
        },
        [("sent", "p"), ("paid", "s"), ("sent", "s"), ("paid", "p")],
        [2, 3],
        True,
    ),
    # All names have to agree.
    (
        {"any": [wanted("paid", {**ORDER, **ITEM})], "until": "length == 2"},
        [
            ("paid", {"order": 1, "item": "ink"}),
            ("paid", {"order": 1, "item": "pen"}),
            ("paid", {"order": 2, "item": "pen"}),
            ("paid", {"order": 1, "item": "pen", "n": 2}),
        ],
        [1, 3],
        True,
    ),
    (
        {"any": [wanted("paid", ORDER)], "until": {"one": wanted("done", ORDER)}},
        [("paid", {"order": 1}), ("done", {"order": 2}), ("paid", {"order": 1}), ("done", {"order": 1})],
        [0, 2, 3],
        True,
    ),
]


@pytest.mark.parametrize(("to", "stream", "taken", "enough"), CORRELATIONS)
@pytest.mark.parametrize("suspended", [False, True])
def test_which_events_correlate(
    to: Value, stream: list[tuple[str, Any]], taken: list[int], enough: bool, suspended: bool
) -> None:
    listener = Listener(listen(to)).start({"id": 7})
    if suspended:
        listener.suspend()
    facts = [index for index, (kind, data) in enumerate(stream) if listener.publish(kind, data)]
    assert facts == taken
    if suspended:
        listener.resume()
    assert (listener.phase is Phase.COMPLETED) == enough


def test_learnt_values_stand_in_the_fact() -> None:
    listener = Listener(listen(PAIR)).start()
    listener.publish("paid", {"order": 1})
    listener.publish("sent", {"of": 1})
    news = [fact.correlations for fact in listener.events if isinstance(fact, EventReceived)]
    assert [known and known.value for known in news] == [{"order": 1}, None]


def test_an_expected_null_faults_for_no_event_has_it() -> None:
    listener = Listener(listen({"one": wanted("paid", EXPECTED)})).start({})
    assert listener.error.instance == "/do/0/hear"
    assert "`order` expects null" in listener.error.detail


def test_a_key_is_known_when_all_values_are() -> None:
    both = {**ORDER, **ITEM}
    to = {"all": [wanted("a", ITEM), wanted("b", both), wanted("c"), wanted("d", ORDER)]}
    listener = Listener(listen(to)).start()
    waits = [wait for _, wait in listener.subscriptions.values()]
    assert [wait.key for wait in waits] == [correlation_key({"item": "pen"}), b"", b"", b""]
    assert [wait.expected and wait.expected.value for wait in waits] == [{"item": "pen"}] * 2 + [None] * 2


class TestLanes:
    @pytest.mark.parametrize(
        ("event_filter", "subject", "lane"),
        [
            (wanted("a"), "", lanes.correlation_lane("shop", "a")),
            (wanted("a"), "ann", lanes.subject_lane("shop", "ann")),
            (wanted("a", subject="bob"), "ann", lanes.correlation_lane("shop", "a")),
            (wanted("a", ITEM), "ann", lanes.correlation_lane("shop", "a")),
            (wanted("^a|b$"), "", lanes.correlation_lane("shop", "*")),
            (wanted("${ true }"), "", lanes.correlation_lane("shop", "*")),
            ({"with": {"source": "/s"}}, "ann", lanes.subject_lane("shop", "ann")),
        ],
    )
    def test_where_a_filter_hears(self, event_filter: Task, subject: str, lane: bytes) -> None:
        listener = Listener(listen({"one": event_filter})).start(subject=subject)
        assert [wait.lane for _, wait in listener.subscriptions.values()] == [lane]

    def test_any_event_at_all_is_any_of_the_own_lane(self) -> None:
        listener = Listener(listen({"any": []})).start(subject="ann")
        assert not listener.publish("a", 1, subject="bob")
        assert not listener.publish("a", 1)
        assert listener.publish("a", 1, subject="ann")

    def test_what_comes_through_one_lane_counts_for_filters_of_another(self) -> None:
        # The catch-all hears in the lane of all types, `until` in that of its own type.
        listener = Listener(listen({"any": [], "until": {"one": wanted("stop")}})).start()
        listener.publish("go", 1)
        listener.publish("stop", 2)
        assert listener.output == [1]

    def test_an_event_of_another_subject_never_counts_for_a_filter_of_the_own_lane(self) -> None:
        to = {"any": [wanted("note", subject="bob")], "until": {"one": wanted("note")}}
        listener = Listener(listen(to)).start(subject="ann")
        assert listener.publish("note", 1, subject="bob")
        assert listener.phase is Phase.WAITING
        assert listener.publish("note", 2, subject="ann")
        assert listener.output == [1]

    @pytest.mark.parametrize(
        ("key", "attributes", "is_own"),
        [
            ("", {"subject": "7"}, True),
            ("", {"subject": "8"}, False),
            ("", {}, False),
            (".data.contact", {"subject": "8"}, True),
            (".data.missing", {"subject": "7"}, False),
            (".data + 1", {"subject": "7"}, False),
        ],
    )
    def test_an_event_of_the_own_subject_counts_for_until_whichever_lane_is_quicker(
        self, key: str, attributes: Task, is_own: bool
    ) -> None:
        to = {"any": [wanted("note", {"n": {"from": ".data.n"}})], "until": {"one": wanted("note")}}
        policies = {"orderingKey": key} if key else {}
        listener = Listener(listen(to), document=with_policies(policies)).start(subject="7")
        (name,) = [name for name in listener.subscriptions if name.endswith(":0")]
        given = event("note", {"n": 1, "contact": 7}, id="x", **attributes)
        listener.command(DeliverEvent(name, Payload.of(given), listener.now_us))
        assert [number for _, number, _ in listener.received()] == [1 if is_own else 0]

    def test_the_lane_of_the_subject_may_bring_events_that_are_of_others(self) -> None:
        # Another definition's ordering key finds `7` on it.
        listener = Listener(listen({"one": wanted("note")})).start(subject="7")
        (name,) = listener.subscriptions
        given = event("note", {"contact": 7}, id="x", subject="8")
        assert not listener.command(DeliverEvent(name, Payload.of(given), listener.now_us)).events
        assert listener.publish("note", 1, subject="7")

    def test_a_type_that_is_no_lane_is_refused_when_the_plan_is_compiled(self) -> None:
        with pytest.raises(DocumentError) as refused:
            Listener(listen({"any": [wanted("a"), wanted("x" * 300)]}))
        assert refused.value.problems[0].pointer == "/do/0/hear/listen/to/any/1/with/type"

    def test_a_filter_that_does_not_compile_is_refused(self) -> None:
        with pytest.raises(DocumentError) as refused:
            Listener(listen({"any": [wanted("a")], "until": {"one": wanted("a", data="${ ( }")}}))
        assert refused.value.problems[0].pointer == "/do/0/hear/listen/to/until/one/with/data"


class TestNames:
    def test_each_filter_has_a_wait_of_its_own(self) -> None:
        to = {"any": [wanted("a"), wanted("b")], "until": {"all": [wanted("c"), wanted("d")]}}
        listener = Listener(listen(to)).start()
        assert list(listener.subscriptions) == [f"/do/0/hear#1/1:{index}" for index in range(4)]

    def test_each_round_and_each_jump_back_has_new_ones(self) -> None:
        loop = {"each": {"for": {"in": "[1, 2]"}, "do": [listen({"one": wanted("a")})], "then": "each"}}
        listener = Listener(loop).start()
        for index in range(4):
            listener.publish("a", index)
        place = "/do/0/each/do/0/hear"
        rounds = ["1.1.1", "1.2.1", "2.1.1", "2.2.1", "3.1.1"]
        assert listener.all_subscriptions == [f"{place}#{entry}/1:0" for entry in rounds]
        assert list(listener.subscriptions) == [f"{place}#3.1.1/1:0"]

    def test_waits_that_end_in_the_step_that_began_them_are_never_asked_for(self) -> None:
        branches = [listen({"one": wanted("a")}), set_task("quick", 1)]
        listener = Listener({"race": {"fork": {"compete": True, "branches": branches}}}).start()
        assert listener.output == 1
        assert listener.all_subscriptions == []


class TestEnds:
    def test_a_timeout_ends_the_wait_and_can_be_caught(self) -> None:
        wait = listen({"one": wanted("a")}, timeout=TIMEOUT)
        catch = {"do": [set_task("late", {"status": "${ $error.status }"})]}
        listener = Listener({"patient": {"try": [wait], "catch": catch}}).start()
        decision = listener.fire_next()
        assert listener.output == {"status": 408}
        assert [effect for effect in decision.effects if isinstance(effect, Unsubscribe)]

    def test_a_retry_of_the_block_listens_anew(self) -> None:
        wait = listen({"all": [wanted("a"), wanted("b")]}, timeout=TIMEOUT)
        catch = {"retry": {"limit": {"attempt": {"count": 1}}}}
        listener = Listener({"patient": {"try": [wait], "catch": catch}}).start()
        listener.publish("a", 1)
        listener.fire_next()
        assert [name.partition("#")[2] for name in listener.subscriptions] == ["1/2:0", "1/2:1"]
        # What the first attempt has heard is no news to the second.
        listener.publish("b", 2)
        listener.publish("a", 3)
        assert listener.output == [2, 3]

    @pytest.mark.parametrize("timer_first", [True, False])
    def test_while_suspended_what_came_first_counts(self, timer_first: bool) -> None:
        listener = Listener(listen({"one": wanted("a")}, timeout=TIMEOUT)).start()
        listener.suspend()
        if timer_first:
            listener.fire_next()
        listener.publish("a", 1)
        if not timer_first:
            listener.fire_next()
        listener.resume()
        assert (listener.phase is Phase.FAULTED) == timer_first

    def test_who_loses_a_race_listens_no_longer(self) -> None:
        branches = [listen({"one": wanted("a")}), listen({"one": wanted("b")}, "other"), call_task("ask")]
        listener = Listener({"race": {"fork": {"compete": True, "branches": branches}}}).start()
        assert len(listener.subscriptions) == 2
        listener.publish("b", 2)
        assert listener.output == [2]
        assert not listener.subscriptions
        assert listener.cancellations

    def test_the_timeout_of_the_workflow_ends_the_wait(self) -> None:
        listener = Listener(listen({"one": wanted("a")}), timeout=TIMEOUT).start()
        listener.fire_next()
        assert listener.error.instance == "/timeout"
        assert not listener.subscriptions


class TestOperatorRetry:
    """An operator's retry of a faulted execution."""

    def test_a_listen_that_timed_out_goes_on_with_what_it_has_heard(self) -> None:
        listener = Listener(listen({"all": [wanted("a"), wanted("b")]}, timeout=TIMEOUT)).start()
        listener.publish("a", 1)
        listener.fire_next()
        assert not listener.subscriptions
        listener.now_us += SECOND_US
        decision = listener.retry()
        opened = [effect.subscription for effect in decision.effects if isinstance(effect, Subscribe)]
        assert [wait.id for wait in opened] == ["/do/0/hear#1/2+1:0", "/do/0/hear#1/2+1:1"]
        listener.publish("b", 2)
        assert listener.output == [1, 2]

    def test_it_keeps_the_values_that_it_has_learnt(self) -> None:
        listener = Listener(listen(PAIR, timeout=TIMEOUT)).start()
        listener.publish("paid", {"order": 1})
        listener.fire_next()
        listener.retry()
        waits = [wait for _, wait in listener.subscriptions.values()]
        assert [wait.key for wait in waits] == [correlation_key({"order": 1})] * 2
        assert not listener.publish("sent", {"of": 2})
        assert listener.publish("sent", {"of": 1})
        assert listener.phase is Phase.COMPLETED

    def test_what_came_while_it_was_faulted_is_heard_from_the_lane(self) -> None:
        branches = [listen({"one": wanted("a")}), call_task("ask")]
        listener = Listener({"both": {"fork": {"branches": branches}}}).start()
        place = "/do/0/both/fork/branches"
        listener.fail(f"{place}/1/ask")
        assert not listener.publish("a", 1)
        listener.now_us += SECOND_US
        listener.retry()
        listener.succeed(f"{place}/1/ask", 2)
        assert listener.output == [[1], 2]

    def test_what_satisfied_it_before_the_fault_satisfies_it_after(self) -> None:
        faulty = {"as": "if now > 1700000005 then . else . + {} end"}
        listener = Listener(listen({"one": wanted("a")}, output=faulty)).start()
        listener.publish("a", 1)
        assert listener.phase is Phase.FAULTED
        listener.now_us += 10 * SECOND_US
        listener.retry()
        assert listener.output == [1]
        assert listener.all_subscriptions == ["/do/0/hear#1/1:0"]


def test_a_fault_beside_it_ends_the_wait() -> None:
    branches = [listen({"one": wanted("a")}), wait_then_fault()]
    listener = Listener({"both": {"fork": {"branches": branches}}}).start()
    listener.fire_next()
    assert listener.phase is Phase.FAULTED
    assert listener.all_subscriptions
    assert not listener.subscriptions


def wait_then_fault() -> Task:
    """A block that faults after a second."""
    return {"block": {"do": [{"pause": {"wait": {"seconds": 1}}}, raise_task("oops")]}}
