"""The inbox: what the next batch has, when there is more than one batch takes."""

import asyncio
from collections import Counter

from tidemill import lanes
from tidemill.api.actions.v1.action_service_pb2 import ActionResult
from tidemill.api.events.v1.command_pb2 import Command
from tidemill.engine.runtime.inbox import Inbox
from tidemill.engine.runtime.items import ActionAnswer, DueTimer, Item, LoggedCommand, Message, OwedWork
from tidemill.engine.settings import Settings

SETTINGS = Settings(
    inbox_commands_max=50, batch_herd_max=5, batch_part_min=2, batch_commands_min=3, batch_shard_max=20
)


KINDS = {ActionAnswer: "answer", LoggedCommand: "command", DueTimer: "timer", OwedWork: "owed"}


def answers(count: int, shard: int = 0, lane: str = "") -> list[Item]:
    return [
        ActionAnswer(shard, _id("answer", number, lane or f"{shard}"), ActionResult())
        for number in range(count)
    ]


def commands(count: int, shard: int = 0, lane: str = "") -> list[Item]:
    return [
        LoggedCommand(shard, _id("command", number, lane or f"{shard}"), number, Command())
        for number in range(count)
    ]


def _id(kind: str, number: int, lane: str) -> str:
    """Ids of one lane begin with the same eight characters."""
    return f"{kind:6.6}{lane:2} {number}"


def timers(count: int, shard: int = 0) -> list[Item]:
    return [DueTimer(shard, f"timer {number}", "wait") for number in range(count)]


def kinds(items: list[Item]) -> Counter[str]:
    return Counter(KINDS[type(item)] for item in items)


def inbox(*queues: list[Item]) -> Inbox:
    made = Inbox(SETTINGS)
    for items in queues:
        made.put(items)
    return made


def test_what_is_under_way_goes_before_what_is_to_begin() -> None:
    assert kinds(inbox(commands(40), answers(15)).take(20)) == {"answer": 15, "command": 5}


def test_some_commands_get_their_turn_however_much_is_under_way() -> None:
    assert kinds(inbox(answers(100), commands(40)).take(20)) == {"answer": 17, "command": 3}


def test_a_herd_of_timers_leaves_batches_short() -> None:
    crowded = inbox(timers(100))
    assert kinds(crowded.take(20)) == {"timer": 5}


def test_a_herd_is_short_while_something_else_comes_and_a_few_batches_longer() -> None:
    crowded = inbox(timers(100), answers(1))
    assert kinds(crowded.take(20)) == {"timer": 2, "answer": 1}
    crowded.put(answers(2))
    assert kinds(crowded.take(20)) == {"timer": 4, "answer": 2}
    # Their calls come back before the herd has all to itself again.
    taken = [len(crowded.take(20)) for _ in range(7)]
    assert taken == [4] * 5 + [5] * 2


def test_a_herd_gets_its_turn_however_much_else_waits() -> None:
    crowded = inbox(answers(100), commands(40), timers(10), [OwedWork(0, "owed 1")])
    assert kinds(crowded.take(20)) == {"answer": 12, "command": 3, "timer": 5}
    assert crowded.herd == 6


def test_everything_comes_out_once_and_each_kind_in_its_order() -> None:
    crowded = inbox(timers(30), commands(30), answers(30))
    taken: list[Item] = []
    while batch := crowded.take(7):
        taken += batch
    assert len(crowded) == 0
    for kind in ("timer", "command", "answer"):
        of_kind = [item.execution_id for item in taken if KINDS[type(item)] == kind]
        assert of_kind == [
            f"{kind} {number}" if kind == "timer" else _id(kind, number, "0") for number in range(30)
        ]


def test_only_commands_take_room_and_make_it_again() -> None:
    crowded, room = (
        inbox(*(commands(5, shard) for shard in range(8)), timers(60), answers(60)),
        asyncio.Event(),
    )
    crowded.on_room(room.set)
    assert crowded.command_room(0) == 50 - 40 - 5
    assert crowded.command_room(8) == 10
    crowded.take(8)
    assert room.is_set()
    assert crowded.command_room(0) == 50 - 37 - 4
    assert crowded.command_room(8) == 13


def test_a_shard_with_much_to_do_leaves_room_for_the_others() -> None:
    assert inbox(commands(20)).command_room(0) == 10
    assert inbox(commands(25)).command_room(0) == 0
    assert inbox(commands(25)).command_room(1) == 25
    assert inbox(commands(48)).command_room(1) == 2
    assert inbox(commands(60)).command_room(1) == 0


def large(count: int, shard: int, size_bytes: int) -> list[Item]:
    return [
        LoggedCommand(shard, "lane   1 x", number, Command(), size_bytes=size_bytes)
        for number in range(count)
    ]


def test_large_commands_take_the_room_of_many() -> None:
    crowded = inbox(large(4, 0, SETTINGS.inbox_bytes_max // 8))
    assert crowded.command_room(0) == 0
    assert crowded.command_room(1) == 46
    crowded.take(1)
    assert crowded.command_room(0) == 50 - 3 - 3
    crowded.drop([0])
    crowded.put(large(1, 1, SETTINGS.inbox_bytes_max))
    assert crowded.command_room(0) == 0


def test_shards_get_their_turns_whatever_one_of_them_has() -> None:
    crowded = inbox(commands(40), commands(1, shard=1), commands(3, shard=2))
    first = Counter(item.shard for item in crowded.take(9))
    assert first == {0: 5, 1: 1, 2: 3}
    crowded.put(commands(1, shard=1))
    assert 1 in {item.shard for item in crowded.take(2)}


def test_more_shards_than_a_batch_has_places_for_all_get_their_turns() -> None:
    crowded = inbox(*(commands(3, shard=shard) for shard in range(4)))
    taken = [[item.shard for item in crowded.take(2)] for _ in range(6)]
    assert taken == [[0, 1], [2, 3]] * 3


def test_a_shard_has_its_part_of_a_batch_and_no_more() -> None:
    crowded = inbox(answers(90), commands(40), answers(2, shard=1), commands(1, shard=2))
    assert Counter(item.shard for item in crowded.take(100)) == {0: 23, 1: 2, 2: 1}
    crowded = inbox(answers(90), commands(40))
    assert kinds(crowded.take(100)) == {"answer": 20, "command": 3}


def test_a_shard_whose_work_leaves_room_begins_more() -> None:
    crowded = inbox(answers(8), commands(40), commands(40, shard=1))
    assert kinds(crowded.take(100)) == {"answer": 8, "command": 12 + 20}


def test_work_of_shards_comes_in_turns() -> None:
    crowded = inbox(answers(40), answers(40, shard=1), answers(1, shard=2))
    assert Counter(item.shard for item in crowded.take(11)) == {0: 5, 1: 5, 2: 1}


def test_commands_of_a_shard_keep_their_order_among_others() -> None:
    crowded = inbox(commands(30), commands(7, shard=1), commands(19, shard=2))
    taken: list[Item] = []
    while batch := crowded.take(5):
        taken += batch
    for shard, count in ((0, 30), (1, 7), (2, 19)):
        of_shard = [item.execution_id for item in taken if item.shard == shard]
        assert of_shard == [_id("command", number, f"{shard}") for number in range(count)]


def test_what_is_for_shards_that_are_lost_is_gone() -> None:
    crowded = inbox(commands(5), commands(4, shard=1), timers(2, shard=1), answers(2, shard=1), answers(1))
    crowded.drop([1])
    assert kinds(crowded.take(20)) == {"command": 5, "answer": 1}
    assert len(crowded) == 0
    assert crowded.command_room(1) == 50


def lanes_of(items: list[Item]) -> Counter[str]:
    return Counter(item.execution_id[:8] for item in items)


def of_lanes(**counts: int) -> list[Item]:
    """Commands of one shard, lane after lane in its log."""
    made: list[Item] = []
    for lane, count in counts.items():
        made += [
            LoggedCommand(0, f"lane {lane:3} {len(made) + number}", len(made) + number, Command())
            for number in range(count)
        ]
    return made


def test_lanes_overtake_the_one_with_much_to_do_in_their_shard() -> None:
    crowded = inbox(of_lanes(a=40, b=1, c=3))
    assert lanes_of(crowded.take(9)) == {"lane a  ": 5, "lane b  ": 1, "lane c  ": 3}
    crowded.put(answers(90, lane="a"))
    crowded.put(answers(1, lane="b"))
    assert lanes_of(crowded.take(9))["answerb "] == 1


def test_what_is_of_one_lane_keeps_its_order_whoever_overtakes_it() -> None:
    items = of_lanes(a=17, b=1, c=9, d=4)
    crowded = inbox(items)
    taken: list[Item] = []
    while batch := crowded.take(5):
        taken += batch
    assert sorted(taken, key=lambda item: item.execution_id[:8]) == items


def test_a_lane_is_the_same_by_its_name_and_in_the_ids_of_its_executions() -> None:
    lane = lanes.subject_lane("shop", "ann")
    id_ = lanes.execution_id(lanes.lane_hash(lane), "0190a000-0000-7000-8000-000000000001")
    heard = LoggedCommand(0, "", 1, Command(lane=lane))
    started = LoggedCommand(0, id_, 2, Command(execution_id=id_))
    other = LoggedCommand(0, "lane   1", 3, Command(execution_id="lane   1"))
    for first, then in ((heard, started), (started, heard)):
        crowded = inbox([first], [then], [other])
        assert crowded.take(2) == [first, other]
        assert crowded.take(1) == [then]


def test_a_lane_with_much_to_do_has_short_batches_while_others_come_and_a_few_longer() -> None:
    crowded = inbox(answers(200))
    assert len(crowded.take(100)) == 20
    crowded.put(answers(1, shard=1))
    assert len(crowded.take(100)) == 21
    assert [len(crowded.take(100)) for _ in range(7)] == [2] * 6 + [20]


def test_a_lane_that_has_no_others_beside_it_begins_more_all_the_same() -> None:
    crowded = inbox(answers(200), commands(200), answers(20, shard=1))
    crowded.take(100)
    assert kinds(crowded.take(100))["command"] > 0


def test_messages_of_a_shard_to_itself_keep_their_order_whatever_lane_they_are_for() -> None:
    messages: list[Item] = [
        Message(0, f"lane {number % 3:3} x", number + 1, Command()) for number in range(12)
    ]
    crowded = inbox(messages, answers(12, lane="a"))
    taken: list[Item] = []
    while batch := crowded.take(5):
        taken += batch
    assert [item for item in taken if isinstance(item, Message)] == messages
