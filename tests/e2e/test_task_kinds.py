"""Each kind of task through the whole stack: small documents in, output, phase, error and task runs out."""

from datetime import datetime, timedelta

import pytest

from tests.e2e.documents import named
from tests.e2e.running import Report, RunningStack
from tidemill.json import Json

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

ERRORS = "https://open-workflow-specification.org/spec/1.0.0/errors/"


def seconds(report: Report, name: str) -> float:
    """How long the one run of a task took."""
    (task,) = [task for task in report.tasks if task["name"] == name]
    took = datetime.fromisoformat(task["ended_at"]) - datetime.fromisoformat(task["started_at"])
    return took / timedelta(seconds=1)


def test_do_runs_its_tasks_in_order_and_gives_the_last_output(stack: RunningStack) -> None:
    body = """
        do:
        - outer:
            do:
            - first: {set: {seen: '${ .seen + ["first"] }'}}
            - second: {set: {seen: '${ .seen + ["second"] }'}}
        - nothing:
            do: []
        - last: {set: {seen: '${ .seen + ["last"] }'}}
    """
    report = stack.run(named("do", body), {"seen": ["input"]})
    assert report.output == {"seen": ["input", "first", "second", "last"]}
    assert report.runs == [(name, "completed") for name in ("outer", "first", "second", "nothing", "last")]
    assert [task["reference"] for task in report.tasks][:2] == ["/do/0/outer", "/do/0/outer/do/0/first"]


def test_set_replaces_the_data(stack: RunningStack) -> None:
    body = """
        do:
        - shape: {set: {literal: a, number: '${ .n * 2 }', deep: {list: ['${ .n }', 'no ${ .n }', 3]}}}
    """
    report = stack.run(named("set", body), {"n": 21, "gone": True})
    assert report.output == {"literal": "a", "number": 42, "deep": {"list": [21, "no ${ .n }", 3]}}


SWITCH = """
    do:
    - choose:
        switch:
        - high: {when: .amount > 100, then: dear}
        - low: {when: '${ .amount > 10 }', then: cheap}
        - negative: {when: .amount < 0, then: end}
        - otherwise: {then: last}
    - dear: {set: {price: dear}, then: end}
    - cheap: {set: {price: cheap}}
    - last: {set: {price: '${ .price // "none" }', last: true}}
"""


@pytest.mark.parametrize(
    ("amount", "output", "names"),
    [
        (1000, {"price": "dear"}, ["choose", "dear"]),
        (50, {"price": "cheap", "last": True}, ["choose", "cheap", "last"]),
        (5, {"price": "none", "last": True}, ["choose", "last"]),
        (-1, {"amount": -1}, ["choose"]),
    ],
)
def test_switch_goes_where_the_first_case_that_holds_says(
    stack: RunningStack, amount: int, output: Json, names: list[str]
) -> None:
    report = stack.run(named("switch", SWITCH), {"amount": amount})
    assert (report.output, report.names) == (output, names)


def test_switch_without_a_case_that_holds_continues(stack: RunningStack) -> None:
    body = """
        do:
        - choose: {switch: [{never: {when: 'false', then: end}}]}
        - after: {set: {after: true}}
    """
    assert stack.run(named("switch-none", body)).names == ["choose", "after"]


def test_for_runs_a_round_for_each_item(stack: RunningStack) -> None:
    body = """
        do:
        - loop:
            for: {each: letter, in: .letters, at: place}
            while: '$letter != "stop"'
            do:
            - note: {set: {letters: '${ .letters }', notes: '${ .notes + ["\\($place)\\($letter)"] }'}}
        - none:
            for: {in: '[]'}
            do:
            - never: {set: {never: true}}
        - pick: {set: '${ .notes }'}
    """
    report = stack.run(named("for", body), {"letters": ["a", "b", "stop", "c"]})
    assert report.output == ["0a", "1b"]
    assert report.names == ["loop", "note", "note", "none", "pick"]


def test_fork_runs_its_branches_side_by_side(stack: RunningStack) -> None:
    body = """
        do:
        - both:
            fork:
              branches:
              - left: {call: 'test.meet:1.0.0', with: {me: left, other: right}}
              - right: {call: 'test.meet:1.0.0', with: {me: right, other: left}}
              - plain: {set: {plain: '${ .n }'}}
    """
    report = stack.run(named("fork", body), {"n": 1})
    assert report.output == [{"met": "left"}, {"met": "right"}, {"plain": 1}]
    assert report.runs == [(name, "completed") for name in ("both", "left", "right", "plain")]


def test_fork_with_compete_takes_the_winner_and_cancels_the_losers_and_their_actions(
    stack: RunningStack,
) -> None:
    body = """
        do:
        - race:
            fork:
              compete: true
              branches:
              - never: {call: 'test.never:1.0.0', with: {name: race}}
              - long: {wait: {hours: 1}}
              - quick: {call: 'test.begun:1.0.0', with: {name: race}}
        - stopped: {call: 'test.cancelled:1.0.0', with: {name: race}, input: {from: '{race: .}'},
                    output: {as: '$input + .'}}
    """
    report = stack.run(named("race", body))
    assert report.output == {"race": {"begun": True}, "cancelled": True}
    assert report.runs == [
        ("race", "completed"),
        ("never", "cancelled"),
        ("long", "cancelled"),
        ("quick", "completed"),
        ("stopped", "completed"),
    ]


def test_a_fault_in_a_branch_cancels_the_others_and_can_be_caught_around_the_fork(
    stack: RunningStack,
) -> None:
    body = """
        do:
        - guard:
            try:
            - both:
                fork:
                  branches:
                  - long: {wait: {hours: 1}}
                  - bad: {raise: {error: {type: 'https://example.com/bad', status: 500}}}
            catch:
              do:
              - note: {set: {instance: '${ $error.instance }'}}
    """
    report = stack.run(named("fork-fault", body))
    assert report.output == {"instance": "/do/0/guard/try/0/both/fork/branches/1/bad"}
    assert dict(report.runs) == {
        "guard": "completed", "both": "faulted", "long": "cancelled", "bad": "faulted", "note": "completed"
    }  # fmt: skip


CATCH = """
    do:
    - guard:
        try:
        - bad:
            raise: {error: {type: 'https://example.com/bad', status: 418, title: Bad, detail: '${ .why }'}}
        - never: {set: {never: true}}
        catch:
          errors: {with: {type: 'https://example.com/bad', status: STATUS}}
          as: problem
          when: $problem.detail == "known"
          do:
          - handle: {set: {handled: '${ $problem }', input: '${ . }'}}
    - after: {set: '${ . }'}
"""


def test_try_catches_what_it_names_and_hands_it_on(stack: RunningStack) -> None:
    report = stack.run(named("catch", CATCH.replace("STATUS", "418")), {"why": "known"})
    problem = {
        "type": "https://example.com/bad",
        "status": 418,
        "title": "Bad",
        "detail": "known",
        "instance": "/do/0/guard/try/0/bad",
    }
    assert report.output == {"handled": problem, "input": {"why": "known"}}
    assert report.runs == [
        ("guard", "completed"), ("bad", "faulted"), ("handle", "completed"), ("after", "completed")
    ]  # fmt: skip


@pytest.mark.parametrize(("status", "why"), [("500", "known"), ("418", "unknown")])
def test_try_lets_other_errors_through(stack: RunningStack, status: str, why: str) -> None:
    report = stack.run(named(f"catch-{status}-{why}", CATCH.replace("STATUS", status)), {"why": why})
    assert (report.phase, report.error["status"]) == ("faulted", 418)
    assert report.error["instance"] == "/do/0/guard/try/0/bad"
    assert report.runs == [("guard", "faulted"), ("bad", "faulted")]


RETRY = """
    do:
    - guard:
        try:
        - counted: {call: 'test.count:1.0.0', with: {}}
        - flaky:
            call: test.flaky:1.0.0
            with: {failures: '${ $workflow.input.failures }'}
            export: {as: .}
        catch:
          errors: {with: {status: 503}}
          retry:
            delay: {milliseconds: 10}
            backoff: {exponential: {}}
            jitter: {from: {milliseconds: 1}, to: {milliseconds: 5}}
            limit: {attempt: {count: 3}}
          HANDLER
    - again: {call: 'test.count:1.0.0', with: {}, output: {as: '{runs, attempt: $context.attempt}'}}
"""


def test_retry_begins_again_under_the_same_key_and_repeats_no_effect(stack: RunningStack) -> None:
    report = stack.run(named("retry", RETRY.replace("HANDLER", "")), {"failures": 2})
    # The call before the one that failed has run once: its later attempts were answered from the record.
    assert report.output == {"runs": 2, "attempt": 3}
    assert report.runs == [
        ("guard", "completed"),
        *[("counted", "completed"), ("flaky", "faulted")] * 2,
        ("counted", "completed"),
        ("flaky", "completed"),
        ("again", "completed"),
    ]


def test_retries_that_are_spent_run_the_handler(stack: RunningStack) -> None:
    handler = "do: [{handle: {set: {spent: '${ $error.detail }'}}}]"
    document = named("retry-handled", RETRY.replace("HANDLER", handler).rpartition("- again")[0])
    report = stack.run(document, {"failures": 100})
    assert report.output == {"spent": "attempt 4"}
    assert report.names.count("flaky") == 4


def test_retries_that_are_spent_fault_without_a_handler(stack: RunningStack) -> None:
    report = stack.run(named("retry-spent", RETRY.replace("HANDLER", "")), {"failures": 100})
    assert (report.phase, report.error["status"], report.error["detail"]) == ("faulted", 503, "attempt 4")
    assert report.error["instance"] == "/do/0/guard/try/1/flaky"


def test_raise_faults_the_workflow_with_its_error(stack: RunningStack) -> None:
    body = """
        use:
          errors:
            broken:
              type: https://example.com/broken
              status: 409
              title: Broken
              detail: '${ "no " + .what }'
        do:
        - before: {set: {what: luck}}
        - bad: {raise: {error: broken}}
        - never: {set: {never: true}}
    """
    report = stack.run(named("raise", body))
    assert (report.phase, report.output) == ("faulted", None)
    assert report.error == {
        "type": "https://example.com/broken",
        "status": 409,
        "title": "Broken",
        "detail": "no luck",
        "instance": "/do/1/bad",
    }
    assert report.runs == [("before", "completed"), ("bad", "faulted")]


@pytest.mark.parametrize("duration", ["{milliseconds: 120}", "PT0.12S", "'${ .pause }'"])
def test_wait_goes_on_after_its_time_with_its_input(stack: RunningStack, duration: str) -> None:
    name = f"wait-{sum(duration.encode())}"
    body = f"""
        do:
        - sleep: {{wait: {duration}}}
        - after: {{set: {{after: '${{ .pause }}'}}}}
    """
    report = stack.run(named(name, body), {"pause": "PT0.12S"})
    assert report.output == {"after": "PT0.12S"}
    assert seconds(report, "sleep") >= 0.12
