"""What the language means where several of its parts meet: told in a whole Tidemill, in few lines."""

from typing import Final

import pytest

from tests.simulation.actions import Failure, Hang
from tests.simulation.world import SECOND_US, SHARDS, World
from tidemill.api.engine.v1 import execution_service_pb2 as pb
from tidemill.engine.settings import Settings
from tidemill.json import Json, dumps, loads

NAMESPACE: Final = "shop"
HOUR_US: Final = 3_600 * SECOND_US
KID: Final = "run: {workflow: {namespace: shop, name: kid, version: latest}}"
HELD_CALL: Final = "do: [{ask: {call: 'hang:1.0.0'}}]"
# What may be under way when the time of an attempt, of a task or of the workflow has run out.
UNDER_WAY: Final = {
    "a listen": "listen: {to: {one: {with: {type: never}}}}",
    "a round": "listen: {to: {any: [{with: {type: x}}], until: 'false'}}, "
    "foreach: {do: [{c: {call: 'hang:1.0.0'}}]}",
    "a child": KID,
    "a time": "call: 'waitUntil:1.0.0@default', with: {at: '2027-01-01T00:00:00Z'}",
    "nested forks": "fork: {branches: [{a: {fork: {compete: true, branches: "
    f"[{{b: {{call: 'hang:1.0.0'}}}}, {{c: {{{KID}}}}}]}}}}}}, "
    "{d: {listen: {to: {one: {with: {type: never}}}}}}]}",
}


def document(name: str, body: str, *, version: str = "1.0.0", policies: Json = None) -> str:
    """A document in YAML; `body` is what follows its header."""
    metadata = dumps({"tidemill": policies or {}}).decode()
    return (
        f"document: {{dsl: '1.0.3', namespace: {NAMESPACE}, name: {name}, version: {version}, "
        f"metadata: {metadata}}}\n{body}"
    )


async def ended(world: World, execution_id: str) -> Json:
    """The output of an execution that has completed, the type and detail of the error of one that has not."""
    execution = await world.get(execution_id)
    if await world.phase(execution_id) == "completed":
        return loads(execution.output.data)
    return [await world.phase(execution_id), execution.error.type.rpartition("/")[2], execution.error.detail]


async def retried(world: World, execution_id: str) -> str:
    """The phase after an operator's retry."""
    await world.submit(NAMESPACE, retry=pb.RetryRequest(execution_id=execution_id))
    return await world.phase(execution_id)


@pytest.mark.parametrize("restarts", [False, True])
async def test_a_refused_start_is_decided_anew_whether_or_not_the_engine_has_restarted(
    restarts: bool,
) -> None:
    world = await World().open()
    policies: Json = {"reentry": "afterExit"}
    await world.publish(document("join", "do: [{rest: {wait: {hours: 1}}}]", policies=policies))
    first, second = (
        pb.StartRequest(namespace=NAMESPACE, workflow="join", subject="ada", request_id=name)
        for name in ("first", "second")
    )
    for request in (first, second, second):
        await world.submit(NAMESPACE, start=request)
    assert len(await world.executions()) == 1
    await world.advance(2 * HOUR_US)
    if restarts:
        await world.crash()
    await world.submit(NAMESPACE, start=second)
    await world.submit(NAMESPACE, start=first)
    assert [await world.phase(each.execution_id) for each in await world.executions()] == [
        "completed",
        "waiting",
    ]


async def test_equal_numbers_are_one_subject_to_starts_and_waits() -> None:
    world = await World().open()
    body = "do: [{hear: {listen: {to: {one: {with: {type: y}}}}}}]"
    for name, on in (
        ("one", "{one: {with: {type: x}}}"),
        ("all", "{all: [{with: {type: x}}, {with: {type: z}}]}"),
    ):
        text = document(name, f"schedule: {{on: {on}}}\n{body}", policies={"orderingKey": ".data.n"})
        await world.publish(text)
    await world.event(NAMESPACE, "x", {"n": 7.0}, subject="s")
    await world.event(NAMESPACE, "z", {"n": 7.0}, subject="s")
    await world.event(NAMESPACE, "y", {"n": 7}, subject="other")
    found = {
        (each.workflow, each.subject, await world.phase(each.execution_id))
        for each in await world.executions()
    }
    assert found == {("one", "7", "completed"), ("all", "7", "completed")}


async def test_a_parent_hears_why_an_event_has_stopped_its_child() -> None:
    world = await World().open()
    world.outside.handlers["hang:1.0.0"] = lambda _: Hang
    policies: Json = {"stopOn": [{"with": {"type": "bye"}, "reason": "has left"}]}
    await world.publish(document("kid", HELD_CALL, policies=policies))
    await world.publish(document("parent", f"do: [{{r: {{{KID}}}}}]"))
    parent = await world.start(NAMESPACE, "parent", subject="ada")
    await world.event(NAMESPACE, "bye", subject="ada")
    outcome = await ended(world, parent)
    assert isinstance(outcome, list)
    assert outcome[:2] == ["faulted", "runtime"]
    assert str(outcome[2]).endswith("was cancelled: has left")
    assert len(world.outside.cancelled) == 1


async def test_a_listen_whose_output_is_over_the_limit_of_payloads_is_an_error_that_can_be_caught() -> None:
    world = await World(settings=Settings(shards=SHARDS, payload_bytes_max=1_048_576)).open()
    listen = "{listen: {to: {any: [{with: {type: x}}], until: 'length == 3'}}}"
    handler = "{as: e, do: [{s: {set: {detail: '${ $e.detail }'}}}]}"
    await world.publish(document("a", f"do: [{{t: {{try: [{{h: {listen}}}], catch: {handler}}}}}]"))
    execution_id = await world.start(NAMESPACE, "a", subject="ada")
    for _ in range(3):
        await world.event(NAMESPACE, "x", "y" * 500_000, subject="ada")
    limit = world.settings.payload_bytes_max
    assert await ended(world, execution_id) == {
        "detail": f"1500010 bytes are over payload_bytes_max ({limit})"
    }


@pytest.mark.parametrize("level", ["attempt", "all attempts", "task", "block", "workflow"])
@pytest.mark.parametrize("work", UNDER_WAY)
async def test_when_time_runs_out_at_any_level_nothing_stays_under_way(level: str, work: str) -> None:
    limits = {"attempt": "{attempt: {count: 1, duration: PT5S}}", "all attempts": "{duration: PT5S}"}
    after = "timeout: {after: PT5S}"
    retry = f"retry: {{delay: PT1S, limit: {limits[level]}}}, " if level in limits else ""
    task = UNDER_WAY[work] + (f", {after}" if level == "task" else "")
    block = f", {after}" if level == "block" else ""
    world = await World().open()
    world.outside.handlers["hang:1.0.0"] = lambda _: Hang
    await world.publish(document("kid", HELD_CALL))
    body = f"do: [{{t: {{try: [{{r: {{{task}}}}}], catch: {{{retry}do: []}}{block}}}}}]"
    await world.publish(document("a", f"{after}\n{body}" if level == "workflow" else body))
    execution_id = await world.start(NAMESPACE, "a", {}, subject="ada")
    await world.event(NAMESPACE, "x", 1, subject="ada")
    await world.advance(30 * SECOND_US)
    expected = "faulted" if level in ("block", "workflow") else "completed"
    assert await world.phase(execution_id) == expected
    children = [each.execution_id for each in await world.executions() if each.workflow == "kid"]
    assert {await world.phase(child) for child in children} <= {"cancelled"}
    made = {(effect.key, effect.attempt) for effect in world.outside.effects}
    assert made == set(world.outside.cancelled)


async def test_an_operator_retries_a_round_in_a_branch_in_a_loop_with_its_child() -> None:
    world = await World().open()
    answers: list[Json | Failure] = [1, Failure(), Failure(), 4, 5, 6]
    world.outside.handlers["f:1.0.0"] = lambda _: answers.pop(0)
    await world.publish(document("kid", "do: [{h: {call: 'f:1.0.0', with: {x: '${ . }'}}}]"))
    child = KID.replace("latest", "latest, input: {e: '${ $e }', i: '${ $i }', last: '${ $context.last }'}")
    hear = (
        "{listen: {to: {any: [{with: {type: x}}], until: 'length == 2'}}, foreach: {item: e, at: i, "
        f"do: [{{c: {{{child}}}}}], export: {{as: '{{last: $i}}'}}}}}}"
    )
    other = "{listen: {to: {one: {with: {type: y, data: '${ . == $n }'}}}}}"
    fork = f"{{fork: {{branches: [{{hear: {hear}}}, {{other: {other}}}]}}}}"
    await world.publish(
        document("a", f"do: [{{l: {{for: {{each: n, in: '[10, 20]'}}, do: [{{f: {fork}}}]}}}}]")
    )
    execution_id = await world.start(NAMESPACE, "a", subject="ada")
    for event_type, data in (("x", 1), ("y", 20), ("x", 2)):
        await world.event(NAMESPACE, event_type, data, subject="ada")
    assert await retried(world, execution_id) == "faulted"
    # It comes while the execution is faulted, and the next retry hears it all the same.
    await world.event(NAMESPACE, "y", 10, subject="ada")
    assert await retried(world, execution_id) == "waiting"
    for data in (3, 4):
        await world.event(NAMESPACE, "x", data, subject="ada")
    assert await ended(world, execution_id) == [[3, 4], [20]]
    inputs = [(effect.arguments["x"]["e"], effect.arguments["x"]["last"]) for effect in world.outside.effects]  # type: ignore[index,call-overload]
    assert inputs == [(1, None), (2, 0), (2, 0), (2, 0), (3, 1), (4, 0)]


async def test_each_attempt_runs_the_version_that_is_the_latest_by_then() -> None:
    world = await World().open()
    fault = "do: [{h: {raise: {error: {type: 'https://example.com/no', status: 500}}}}]"
    await world.publish(document("kid", fault))
    catch = "{retry: {delay: PT10S, limit: {attempt: {count: 3}}}}"
    await world.publish(document("a", f"do: [{{t: {{try: [{{r: {{{KID}}}}}], catch: {catch}}}}}]"))
    execution_id = await world.start(NAMESPACE, "a")
    await world.publish(document("kid", "do: [{h: {set: {version: 2}}}]", version="2.0.0"))
    await world.advance(10 * SECOND_US)
    assert await ended(world, execution_id) == {"version": 2}


async def test_what_operators_do_to_a_schedule_lasts_until_the_next_version() -> None:
    world = await World().open()
    timed = "schedule: {every: PT10S}\ndo: [{s: {set: {a: 1}}}]"
    await world.publish(document("a", timed))
    (trigger,) = await world.executions(with_triggers=True)
    cancel = pb.CancelRequest(execution_id=trigger.execution_id, reason="enough")
    await world.submit(NAMESPACE, cancel=cancel)
    await world.crash()
    await world.publish(document("a", timed))
    await world.advance(60 * SECOND_US)
    assert await world.executions() == []
    await world.publish(document("a", timed, version="1.1.0"))
    await world.advance(10 * SECOND_US)
    assert len(await world.executions()) == 1
    running = [
        each.execution_id
        for each in await world.executions(with_triggers=True)
        if await world.phase(each.execution_id) == "waiting"
    ]
    await world.submit(NAMESPACE, suspend=pb.SuspendRequest(execution_id=running[0], reason="a pause"))
    await world.publish(document("a", "do: [{s: {set: {a: 2}}}]", version="1.2.0"))
    await world.advance(60 * SECOND_US)
    assert await world.phase(running[0]) == "cancelled"
    assert len(await world.executions()) == 1


FLOWS: Final = {
    # A handler: the error, the context, the input of the workflow, and `then`, around a child and a listen.
    """
do:
  - t:
      input: {from: '{x: .n}'}
      try:
        - set: {set: {q: 1}, export: {as: '{before: .q}'}}
        - r: {raise: {error: {type: 'https://example.com/no', status: 400, title: No,
            detail: '${ $task.name }'}}}
      catch:
        as: err
        when: $err.detail == "r" and $context.before == 1 and $task.name == "t" and .x == 5
        do:
          - k:
              run: {workflow: {namespace: shop, name: echo, version: latest, input: {e: '${ $err.detail }',
                c: '${ $context }', w: '${ $workflow.input }', dot: '${ . }'}}}
              export: {as: '$context + {k: $err.title}'}
          - h:
              listen: {to: {one: {with: {type: x, data: '${ .d == $err.detail }'}}}}
              output: {as: '{got: .[0].d, child: $input}'}
              then: fin
          - never: {set: {never: 1}}
          - fin: {set: {o: '${ . }', c: '${ $context }', at: '${ $task.reference }'}}
      output: {as: '. + {input: $input}'}
""": {
        "o": {"got": "r", "child": {"e": "r", "c": {"before": 1}, "w": {"n": 5}, "dot": {"x": 5}}},
        "c": {"before": 1, "k": "No"},
        "at": "/do/0/t/catch/do/3/fin",
        "input": {"x": 5},
    },
    # Branches: `if`, `input.from`, `output.as`, `export` and `then` of a listen beside others.
    """
do:
  - f:
      input: {from: .n}
      fork:
        branches:
          - l:
              if: . > 1
              input: {from: '{v: .}'}
              listen: {to: {one: {with: {type: x, data: '${ .n == $input.v }'}}}}
              output: {as: '.[0].n + 1'}
              export: {as: '$context + {l: .}'}
              then: exit
          - s: {if: . > 100, set: {no: 1}}
          - d: {do: [{m: {set: {z: '${ $task.input }'}, then: exit}}, {n: {set: {n: 1}}}]}
  - p: {set: {o: '${ . }', c: '${ $context }'}}
""": {"o": [6, 5, {"z": 5}], "c": {"l": 6}},
    # Rounds: item, index, jumps, context, and what a round begins with.
    """
do:
  - l:
      input: {from: .n}
      listen: {to: {any: [{with: {type: x}}], until: 'length == 2'}}
      foreach:
        item: ev
        at: i
        do:
          - first: {if: $i == 0, set: {one: '${ . }'}, then: exit}
          - way: {switch: [{other: {then: fin}}]}
          - never: {set: {never: 1}}
          - fin: {set: {f: '${ . }', c: '${ $context }'}, export: {as: '$context + {fin: $i}'}}
        output: {as: '{o: ., n: $ev.n}'}
        export: {as: '$context + {("r\\\\($i)"): .n}'}
      output: {as: '{all: ., task: $task.name}'}
  - p: {set: {o: '${ . }', c: '${ $context }'}}
""": {
        "o": {"all": [{"o": {"one": 5}, "n": 1}, {"o": {"f": 5, "c": {"r0": 1}}, "n": 5}], "task": "l"},
        "c": {"r0": 1, "fin": 1, "r1": 5},
    },
}


@pytest.mark.parametrize(("body", "output"), FLOWS.items())
async def test_data_flows_through_handlers_branches_and_rounds(body: str, output: Json) -> None:
    world = await World().open()
    await world.publish(document("echo", "do: [{same: {set: '${ . }'}}]"))
    await world.publish(document("a", body.replace("\\\\", "\\")))
    execution_id = await world.start(NAMESPACE, "a", {"n": 5}, subject="ada")
    heard: list[Json] = [{"n": 1, "d": "no"}, {"n": 5, "d": "r"}]
    for data in heard:
        await world.event(NAMESPACE, "x", data, subject="ada")
    assert await ended(world, execution_id) == output
