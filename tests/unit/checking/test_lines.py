"""Facts and expectations as lines: what was written is read, and what was not is refused."""

import pytest

from tests.unit.checking.story import FIRST, KEY, good
from tidemill.checking import facts
from tidemill.checking.expected import ExpectationError, read_expectations
from tidemill.checking.lines import FactsError, read_facts, write_fact, write_facts


def test_what_is_written_is_read_but_for_tuples_that_are_lists() -> None:
    story = good()
    read = list(read_facts(write_facts(story.engine)))
    assert [type(fact) for fact in read] == [type(fact) for fact in story.engine]
    assert list(map(write_fact, read)) == list(map(write_fact, story.engine))


def test_a_stream_that_breaks_off_is_noticed() -> None:
    lines = list(write_facts(good().engine))
    with pytest.raises(FactsError, match="break off after 3"):
        list(read_facts(lines[:3]))
    with pytest.raises(FactsError, match=r"were written, .* have arrived"):
        list(read_facts([*lines[:3], lines[-1]]))


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"nonsense", b'["Shard", 1]\n', b'["Nothing", 1]\n', b"[1]\n", b"[]\n"]
)
def test_what_is_no_fact_is_refused(line: bytes) -> None:
    with pytest.raises(FactsError, match="no fact"):
        list(read_facts([line]))


def test_another_format_is_refused() -> None:
    header = facts.LedgerHeader(facts.FORMAT + 1, 0, 0)
    with pytest.raises(FactsError, match="format"):
        list(read_facts([write_fact(header)]))


def test_expectations_are_read_and_add_up() -> None:
    read = read_expectations(
        [
            f'{{"start": "{FIRST}", "phase": "completed"}}',
            '{"start": "b"}',
            "",
            '{"event": {"source": "/s", "id": "1"}}',
            '{"event": {"source": "/s", "id": "2"}, "taken": 0}',
            f'{{"effect": "{KEY}"}}',
            f'{{"effect": "{KEY}", "times": 2}}',
            '{"actions": ["http", "mine:1.0.0"]}',
        ]
    )
    assert read.starts == {FIRST: "completed", "b": ""}
    assert read.events == {("/s", "1"): 1, ("/s", "2"): 0}
    assert read.effects == {KEY: 3}
    assert read.actions == {"http", "mine:1.0.0"}
    assert not read.is_empty
    assert read_expectations([]).is_empty


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "[]",
        '"start"',
        "{}",
        '{"start": 1}',
        '{"event": {"source": "/s"}}',
        '{"effect": "k", "times": "two"}',
        '{"effect": "k", "times": -1}',
        '{"event": {"source": "/s", "id": "1"}, "taken": true}',
    ],
)
def test_a_line_that_says_nothing_known_is_named(line: str) -> None:
    with pytest.raises(ExpectationError, match="line 2"):
        read_expectations(['{"start": "a"}', line])
