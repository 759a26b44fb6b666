"""The inbox: what the next batch has, when there is more than one batch takes."""

import asyncio
from collections import Counter

from tidemill.api.actions.v1.action_service_pb2 import ActionResult
from tidemill.api.events.v1.command_pb2 import Command
from tidemill.engine.runtime.inbox import Inbox
from tidemill.engine.runtime.items import ActionAnswer, DueTimer, Item, LoggedCommand, OwedWork
from tidemill.engine.settings import Settings

SETTINGS = Settings(inbox_commands_max=50, batch_herd_max=5, batch_commands_min=3, batch_shard_max=20)


def answers(count: int, shard: int = 0) -> list[Item]:
    return [ActionAnswer(shard, f"answer {number}", ActionResult()) for number in range(count)]


def commands(count: int, shard: int = 0) -> list[Item]:
    return [LoggedCommand(shard, f"command {number}", number, Command()) for number in range(count)]


def timers(count: int, shard: int = 0) -> list[Item]:
    return [DueTimer(shard, f"timer {number}", "wait") for number in range(count)]


def kinds(items: list[Item]) -> Counter[str]:
    return Counter(item.execution_id.split()[0] for item in items)


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
    crowded.put(answers(1))
    assert kinds(crowded.take(20)) == {"timer": 5, "answer": 1}


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
        of_kind = [item.execution_id for item in taken if item.execution_id.startswith(kind)]
        assert of_kind == [f"{kind} {number}" for number in range(30)]


def test_only_commands_take_room_and_make_it_again() -> None:
    crowded, room = (
        inbox(*(commands(5, shard) for shard in range(8)), timers(60), answers(60)),
        asyncio.Event(),
    )
    crowded.on_room(room.set)
    assert crowded.command_room(0) == 1
    assert crowded.command_room(8) == 6
    crowded.take(8)
    assert room.is_set()
    assert crowded.command_room(0) == 2
    assert crowded.command_room(8) == 6


def test_a_shard_with_much_to_do_leaves_room_for_the_others() -> None:
    assert inbox(commands(40)).command_room(0) == 0
    assert inbox(commands(40)).command_room(1) == 6
    assert inbox(commands(47)).command_room(1) == 3


def test_shards_get_their_turns_whatever_one_of_them_has() -> None:
    crowded = inbox(commands(40), commands(1, shard=1), commands(3, shard=2))
    first = Counter(item.shard for item in crowded.take(9))
    assert first == {0: 5, 1: 1, 2: 3}
    crowded.put(commands(1, shard=1))
    assert 1 in {item.shard for item in crowded.take(2)}


def test_a_shard_has_its_part_of_a_batch_and_no_more() -> None:
    crowded = inbox(answers(90), commands(40), answers(2, shard=1), commands(1, shard=2))
    assert Counter(item.shard for item in crowded.take(100)) == {0: 23, 1: 2, 2: 1}
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
        assert of_shard == [f"command {number}" for number in range(count)]


def test_what_is_for_shards_that_are_lost_is_gone() -> None:
    crowded = inbox(commands(5), commands(4, shard=1), timers(2, shard=1), answers(2, shard=1), answers(1))
    crowded.drop([1])
    assert kinds(crowded.take(20)) == {"command": 5, "answer": 1}
    assert len(crowded) == 0
    assert crowded.command_room(1) == 6
