"""What the calls of a subscription have brought so far, as its frame holds it."""

from tidemill.engine.core.referring import members
from tidemill.engine.core.views import FrameView
from tidemill.json import Json
from tidemill.values import value


@value
class Round:
    """One call and what became of its messages; `count` and `size`, in bytes, are of all up to this one.

    `position` is where the next call goes on; `ended` when no more messages are wanted.
    """

    position: Json
    messages: list[Json]
    ended: bool
    count: int
    size: int

    def as_json(self) -> Json:
        """As it is recorded."""
        return {
            "position": self.position,
            "messages": self.messages,
            "ended": self.ended,
            "count": self.count,
            "size": self.size,
        }


def last_round(frame: FrameView) -> Round | None:
    """The last round that has ended, None before the first one has."""
    assert frame.listening is not None
    outputs = frame.listening.outputs
    last = outputs[-1] if outputs else None
    return None if last is None else read_round(last.value)


def read_round(recorded: Json) -> Round:
    """What was recorded of a round, or of the part of it that has ended."""
    given = members(recorded)
    count, size = given.get("count"), given.get("size")
    return Round(
        position=given.get("position"),
        messages=messages_of(recorded),
        ended=given.get("ended") is True,
        count=count if isinstance(count, int) else 0,
        size=size if isinstance(size, int) else 0,
    )


def messages_of(batch: Json) -> list[Json]:
    """The messages of a batch; none where it has none."""
    messages = members(batch).get("messages")
    return messages if isinstance(messages, list) else []


def taken_by(frame: FrameView) -> list[Json]:
    """All that a subscription has taken, in order."""
    assert frame.listening is not None
    return [
        message
        for output in frame.listening.outputs
        if output is not None
        for message in messages_of(output.value)
    ]
