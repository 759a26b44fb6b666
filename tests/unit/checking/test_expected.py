"""What the outside knows against what the services have stored."""

from collections import Counter
from collections.abc import Callable

import pytest

from tests.unit.checking.story import FIRST, KEY, OTHER_KEY, SECOND_ID, Story, good
from tidemill.checking import facts
from tidemill.checking.expected import Expectations
from tidemill.checking.invariant import Verdict

THIRD = "00000002-0193d5a0-0000-7000-8000-000000000003"
EVENT = ("/shop", "order-1")


def expecting(**said: object) -> Story:
    """All is well, and this is expected of it."""
    story = good()
    story.change(facts.HistoryRow, 0, taken=[EVENT])
    story.expected = Expectations(**said)  # type: ignore[arg-type]
    return story


def sentences(story: Story) -> list[str]:
    return [violation.sentence for violation in story.report().of("expected").violations]


def test_what_is_as_expected_is_proved() -> None:
    story = expecting(
        starts={FIRST: "completed", SECOND_ID: ""},
        events={EVENT: 1, ("/shop", "unwanted"): 0},
        effects=Counter({KEY: 1}),
        actions={"http"},
    )
    found = story.report().of("expected")
    # The other call failed: of it nothing has to be seen.
    assert (found.verdict, found.checked) == (Verdict.PROVED, 5)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"starts": {SECOND_ID.replace("02", "09"): ""}}, "was accepted and is lost"),
        ({"starts": {FIRST: "faulted"}}, f"{FIRST} should be faulted and is completed"),
        ({"events": {EVENT: 2}}, "taken 1 times, not 2: it is lost"),
        ({"events": {EVENT: 0}}, "taken 1 times, not 0: it is doubled"),
        ({"effects": Counter({KEY: 2})}, "was made 2 times"),
        ({"effects": Counter({"other": 1})}, "history never asked for it"),
        ({"effects": Counter({OTHER_KEY: 1}), "actions": {"http"}}, "its effect is missing outside"),
    ],
)
def test_what_is_not_as_expected_is_told(said: dict[str, object], sentence: str) -> None:
    story = expecting(**said)
    # Else nothing could be said of events while commands wait.
    story.change(facts.Shard, 0, log_next=4)
    story.drop(facts.LogRecord, 4)
    (told,) = sentences(story)
    assert sentence in told


def waiting_start() -> Story:
    return expecting(starts={THIRD: ""})


def open_execution() -> Story:
    story = expecting(starts={FIRST: "faulted"})
    story.change(facts.Execution, 0, closed_at_us=0)
    story.change(facts.Folded, 0, closed_at_us=0)
    return story


def waiting_event() -> Story:
    return expecting(events={EVENT: 2})


@pytest.mark.parametrize("tell", [waiting_start, open_execution, waiting_event])
def test_what_has_not_ended_is_open(tell: Callable[[], Story]) -> None:
    assert tell().report().of("expected").verdict is Verdict.OPEN


def test_a_start_that_was_rejected_when_it_was_applied_is_counted() -> None:
    story = expecting(starts={THIRD: ""})
    story.change(facts.LogRecord, 3, kind="start", target=THIRD, about=THIRD)
    story.drop(facts.LogRecord, 4)
    story.change(facts.Shard, 0, log_next=4)
    found = story.report().of("expected")
    assert found.verdict is Verdict.PROVED
    assert found.notes == {"accepted starts that were rejected when they were applied": 1}
