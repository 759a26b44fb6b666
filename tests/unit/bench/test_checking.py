"""The benchmark's check must see what is lost, doubled or has not ended."""

import pytest

from tests.unit.checking.story import FIRST, SECOND_ID, Story, good
from tidemill.bench.checking import count_faults, report_faults
from tidemill.checking import facts
from tidemill.checking.expected import Expectations

# As the story has it: two executions with a call each, and nothing that waits.
WANTED = {"executions": 2, "calls": 2}


def idle() -> Story:
    story = good()
    story.change(facts.Shard, 0, log_next=4)
    story.drop(facts.LogRecord, 4)
    story.expected = Expectations(starts={FIRST: "completed", SECOND_ID: "completed"})
    return story


def test_a_whole_load_has_no_faults() -> None:
    report = idle().report()
    assert report_faults(report) == []
    assert count_faults(report, WANTED) == []


def test_what_the_checker_refutes_is_a_fault() -> None:
    story = idle()
    story.drop(facts.LedgerRow, 0)
    (fault,) = report_faults(story.report())
    assert "the ledger has no such outcome" in fault


def test_a_start_without_its_execution_is_a_fault() -> None:
    story = idle()
    lost = SECOND_ID.replace("2", "7")
    story.expected = Expectations(starts={lost: "completed"})
    assert report_faults(story.report()) == [f"the start of {lost} was accepted and is lost"]


def test_what_has_not_ended_is_a_fault_once_the_load_is_over() -> None:
    assert report_faults(good().report()) == ["order: 1 are open"]


@pytest.mark.parametrize(
    ("wanted", "fault"),
    [
        ({"executions": 3, "calls": 3}, "there are 2 executions, not 3"),
        ({"executions": 2, "calls": 4}, "there are 2 calls, not 4"),
    ],
)
def test_more_or_fewer_than_asked_for_is_a_fault(wanted: dict[str, int], fault: str) -> None:
    assert fault in count_faults(idle().report(), wanted)
