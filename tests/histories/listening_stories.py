"""Stories of executions that hear events."""

from tests.unit.core.driver import SECOND_US, Task, call_task, set_task
from tests.unit.core.listener import Listener, with_policies

PAID: Task = {"with": {"type": "paid"}, "correlate": {"order": {"from": ".data.order"}}}
SENT: Task = {"with": {"type": "sent"}, "correlate": {"order": {"from": ".data.of"}}}
ASKED: Task = {"with": {"type": "asked"}}
CLOSED: Task = {"with": {"type": "closed"}}
ANSWER = "/do/0/chat/foreach/do/0/answer"


def correlating() -> Listener:
    """All of two, of which one has come and has told which order it is."""
    listener = Listener({"both": {"listen": {"to": {"all": [PAID, SENT]}}}}).start(subject="ann")
    listener.publish("paid", {"order": 7})
    listener.publish("sent", {"of": 8})
    return listener


def listening_again() -> Listener:
    """The same, timed out, and gone on by an operator's retry to its end."""
    wait: Task = {"listen": {"to": {"all": [PAID, SENT]}, "read": "envelope"}, "timeout": {"after": "PT1H"}}
    listener = Listener({"both": wait}).start()
    listener.publish("paid", {"order": 7})
    listener.fire_next()
    listener.retry()
    listener.publish("sent", {"of": 7})
    return listener


def chatting() -> Listener:
    """Two events gone through, a third under way, and a fourth that waits when the last has come."""
    foreach: Task = {
        "do": [call_task("answer", {"question": "${ $item }"})],
        "output": {"as": "[$index, .]"},
        "export": {"as": "{answered: ($index + 1)}"},
    }
    listen: Task = {"to": {"any": [ASKED], "until": {"one": CLOSED}}}
    listener = Listener({"chat": {"listen": listen, "foreach": foreach}}).start()
    for question in ("one", "two", "three"):
        listener.publish("asked", question)
    listener.succeed(ANSWER, "first")
    listener.succeed(ANSWER, "second")
    listener.suspend()
    listener.publish("asked", "four")
    listener.publish("closed")
    listener.publish("asked", "five")
    return listener


def chatted() -> Listener:
    """The same, gone on to its end."""
    listener = chatting()
    listener.resume()
    listener.succeed(ANSWER, "third")
    listener.succeed(ANSWER, "fourth")
    return listener


def stopped() -> Listener:
    """Ended by an event, after a fault and an operator's retry."""
    stops = [{"with": {"type": "left"}, "reason": "the contact has left"}]
    listener = Listener(
        call_task("work"), set_task("after", {}), document=with_policies({"stopOn": stops})
    ).start(subject="ann")
    listener.fail("/do/0/work")
    listener.now_us += SECOND_US
    listener.retry()
    listener.publish("left", subject="ann")
    return listener
