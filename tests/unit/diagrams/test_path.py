"""The path of an execution, told beside each task and drawn along the links."""

from pathlib import Path

import pytest
from google.protobuf.message import Message

from tests.unit.diagrams.mermaid_grammar import parse
from tests.unit.diagrams.pages import blocks
from tests.unit.diagrams.paths import (
    BROKEN,
    EXECUTION_ID,
    HEADER,
    at_us,
    began,
    completed,
    drawn,
    faulted,
    skipped,
    started,
    went_through,
)
from tidemill.api.events.v1 import history_pb2 as events
from tidemill.diagrams.as_json import diagram_json
from tidemill.diagrams.mermaid import draw_mermaid
from tidemill.diagrams.text import draw_text

# The document of the page without its header, which `drawn` puts before it.
SHOWN = blocks(Path(__file__).with_name("path.md"))
ORDER = SHOWN["yaml"].removeprefix(HEADER)
LINES, PICK, CHOOSE, SHIP, CALL = (
    "/do/0/lines",
    "/do/0/lines/do/0/pick",
    "/do/1/choose",
    "/do/3/ship",
    "/do/3/ship/try/0/call",
)
FAULTED = (
    began(),
    started(LINES),
    events.RoundStarted(reference=LINES, index=0),
    *went_through(PICK),
    events.RoundStarted(reference=LINES, index=1),
    skipped(PICK),
    events.RoundStarted(reference=LINES, index=2),
    *went_through(PICK),
    completed(LINES),
    *went_through(CHOOSE),
    started(SHIP),
    started(CALL),
    faulted(CALL),
    events.ErrorCaught(reference=SHIP, error=BROKEN, retry=1, retry_at_us=at_us(17)),
    events.TaskRetried(reference=SHIP),
    started(CALL, attempt=2),
    faulted(CALL),
    events.ExecutionFaulted(error=BROKEN),
)


def marks(*facts: Message, tasks: str, phase: str = "running") -> list[str]:
    """The lines of the tree that tell of tasks, without its branches."""
    text = draw_text(*drawn(tasks, *facts, phase=phase))
    return [line.lstrip("│├└╠╚║═─ ") for line in text.splitlines()[3:-2]]


def test_a_path_is_drawn_as_its_page_shows() -> None:
    error = events.ExecutionFaulted(error=BROKEN)
    error.error.instance = CALL
    diagram = drawn(ORDER, *FAULTED[:-1], error, phase="faulted", error=BROKEN)
    assert draw_text(*diagram) == SHOWN["text"]
    assert draw_mermaid(*diagram) == SHOWN["mermaid"]
    parse(SHOWN["mermaid"])


def test_the_json_holds_the_same_path() -> None:
    found = diagram_json(*drawn(ORDER, *FAULTED, phase="faulted", error=BROKEN))
    assert isinstance(found, dict)
    tasks, links = found["tasks"], found["links"]
    assert isinstance(tasks, list)
    assert isinstance(links, list)
    assert found["execution"] == {
        "execution_id": EXECUTION_ID,
        "phase": "faulted",
        "error": "418 Broken",
        "started_at": "2026-01-31T08:00:00.000000Z",
        "closed_at": "2026-01-31T08:00:20.000000Z",
    }
    assert tasks[1] == {
        "reference": PICK,
        "name": "pick",
        "kind": "set",
        "detail": "picked",
        "if": "$line.stock",
        "inside": LINES,
        "block": "for",
        "path": {
            "phase": "completed",
            "entered": 2,
            "skipped": 1,
            "rounds": 0,
            "caught": 0,
            "heard": 0,
            "attempt": 1,
            "first_started_at": "2026-01-31T08:00:03.000000Z",
            "ended_at": "2026-01-31T08:00:09.000000Z",
            "due_at": None,
            "error": None,
            "child": None,
        },
    }
    assert {"source": LINES, "target": CHOOSE, "label": "done", "kind": "order", "taken": 1} in links


def test_a_wait_says_until_when() -> None:
    tasks = "do: [{sleep: {wait: P2D}}]"
    due_at_us = at_us(172_800)
    assert marks(began(), started("/do/0/sleep", due_at_us=due_at_us), tasks=tasks, phase="waiting") == [
        "⧗ wait sleep: 2 d  [since 08:00:01.000, due 2026-02-02T08:00:00.000Z]"
    ]


def test_a_retry_to_come_says_when() -> None:
    facts = FAULTED[: FAULTED.index(events.TaskRetried(reference=SHIP))]
    line = next(line for line in marks(*facts, tasks=ORDER, phase="waiting") if "try ship" in line)
    assert line == "⧗ try ship  [since 08:00:13.000, due 08:00:17.000]"


def test_what_is_suspended_or_cancelled_is_marked() -> None:
    tasks = "do: [{sleep: {wait: P2D}}]"
    facts = [began(), started("/do/0/sleep", due_at_us=at_us(60)), events.ExecutionSuspended(reason="x")]
    assert marks(*facts, tasks=tasks, phase="suspended") == [
        "‖ wait sleep: 2 d  [since 08:00:01.000, due 08:01:00.000]"
    ]
    facts += [events.ExecutionResumed(), events.ExecutionCancelled(reason="enough")]
    assert marks(*facts, tasks=tasks, phase="cancelled") == [
        "⊘ wait sleep: 2 d  [08:00:01.000 to 08:00:04.000]"
    ]


def test_events_children_and_slots_are_told() -> None:
    tasks = """
do:
  - hear: {listen: {to: {all: [{with: {type: a}}, {with: {type: b}}]}}}
  - child: {run: {workflow: {namespace: shop, name: pack, version: latest}}}
  - slow: {call: 'pace:1.0.0@default', with: {limit: 1, per: PT1S}}
"""
    asked = events.TaskStarted(reference="/do/1/child")
    asked.child.execution_id = "child-id"
    facts = [
        began(),
        events.TaskStarted(reference="/do/0/hear", listening=events.Listening()),
        events.EventReceived(reference="/do/0/hear"),
        events.EventReceived(reference="/do/0/hear", filter=1),
        completed("/do/0/hear"),
        asked,
        completed("/do/1/child"),
        events.TaskStarted(reference="/do/2/slow", slot=events.SlotRequested()),
        events.SlotGranted(reference="/do/2/slow", due_at_us=at_us(30)),
    ]
    assert (
        marks(*facts[:3], tasks=tasks)[0] == "⧗ listen hear: all of a, b  [heard 1 event, since 08:00:01.000]"
    )
    lines = marks(*facts, tasks=tasks)
    assert [line[0] for line in lines] == ["✓", "✓", "⧗"]
    assert lines[0].endswith("[heard 2 events, 08:00:01.000 to 08:00:04.000]")
    assert lines[1].endswith("[08:00:05.000 to 08:00:06.000, execution child-id]")
    assert lines[2].endswith("[since 08:00:07.000, due 08:00:30.000]")


def test_a_subscription_has_the_rounds_of_its_messages() -> None:
    given = "document: {endpoint: 'https://a.test/a.json'}, channel: notes"
    foreach = "foreach: {do: [{note: {set: {a: 1}}}]}"
    subscription = f"subscription: {{consume: {{amount: 2}}, {foreach}}}"
    tasks = f"do: [{{hear: {{call: asyncapi, with: {{{given}, {subscription}}}}}}}]"
    step = "/do/0/hear/with/subscription"
    note = f"{step}/foreach/do/0/note"

    def batch(number: int, messages: int) -> list[Message]:
        call = [events.RoundStarted(reference="/do/0/hear", index=number), *went_through(f"{step}/consume")]
        facts: list[Message] = [*call, started(f"{step}/foreach")]
        for index in range(messages):
            facts += [events.RoundStarted(reference=f"{step}/foreach", index=index), *went_through(note)]
            facts.append(events.RoundCompleted(reference=f"{step}/foreach"))
        return [*facts, completed(f"{step}/foreach"), events.RoundCompleted(reference="/do/0/hear")]

    facts = [began(), started("/do/0/hear"), *batch(0, 2), *batch(1, 1), completed("/do/0/hear")]
    outline, path = drawn(tasks, *facts)
    assert path.tasks.keys() == {"/do/0/hear", note}
    assert (path.tasks["/do/0/hear"].rounds, path.tasks[note].entered) == (3, 3)
    taken = {step: count for step, count in path.taken.items() if note in step}
    assert taken == {("/do/0/hear", note): 3, (note, "/do/0/hear"): 3}
    assert outline.title == "shop/order:1.0.0"


def test_what_the_definition_does_not_have_and_unknown_kinds_are_passed_over() -> None:
    facts = [began(), started("/do/9/gone"), faulted("/do/9/gone"), *went_through("/do/0/one")]
    unknown = events.TaskSkipped.FromString(b"\xfa\x7f\x01x")
    lines = marks(*facts, unknown, tasks="do: [{one: {set: {a: 1}}}]")
    assert lines == ["✓ set one: a  [08:00:03.000 to 08:00:04.000]"]


BRANCHES = """
do:
  - race:
      fork:
        branches:
          - left: {wait: PT1S}
          - right: {set: {a: 1}, then: end}
  - after: {set: {b: 1}}
"""


@pytest.mark.parametrize(
    ("last", "facts", "thick"),
    [
        ("left", ["/do/0/race/fork/branches/0/left"], ["t2 ==> t1join"]),
        ("right", ["/do/0/race/fork/branches/1/right"], ["t3 ==> finish"]),
    ],
)
def test_a_branch_that_ends_everything_does_not_come_to_the_join(
    last: str, facts: list[str], thick: list[str]
) -> None:
    happened: list[Message] = [began(), started("/do/0/race"), *went_through(*facts)]
    happened += [events.ExecutionCompleted()] if last == "right" else []
    lines = draw_mermaid(*drawn(BRANCHES, *happened)).splitlines()
    assert [line.strip() for line in lines if "==>" in line][2:] == thick


def test_a_fold_holds_no_more_after_a_thousand_rounds() -> None:
    rounds = [
        fact
        for index in range(1000)
        for fact in (events.RoundStarted(reference=LINES, index=index), *went_through(PICK))
    ]
    outline, path = drawn(ORDER, began(), started(LINES), *rounds)
    assert (path.tasks[PICK].entered, path.tasks[LINES].rounds) == (1000, 1000)
    assert len(path.tasks) == 2
    assert len(path.taken) == 4
    assert "1000 rounds" in draw_text(outline, path)
