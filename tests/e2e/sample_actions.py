"""Actions that a stack serves for tests: some fail, some wait for each other, one never ends."""

import asyncio
from collections import Counter, defaultdict

from tidemill.action_kit import ActionContext, ActionError, EffectClass, action
from tidemill.json import Json

MODULE = __name__

_runs: Counter[str] = Counter()
_begun: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
_cancelled: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
_TWO_NUMBERS = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
    "required": ["a", "b"],
}


def _text(arguments: Json, name: str) -> str:
    assert isinstance(arguments, dict)
    return str(arguments[name])


@action("test.add:1.0.0", effect_class=EffectClass.PURE, input_schema=_TWO_NUMBERS)
def add(arguments: Json, context: ActionContext) -> Json:
    """The sum of `a` and `b`."""
    assert isinstance(arguments, dict)
    a, b = arguments["a"], arguments["b"]
    assert isinstance(a, int)
    assert isinstance(b, int)
    return {"sum": a + b}


@action("test.flaky:1.0.0", effect_class=EffectClass.ONCE)
def flaky(arguments: Json, context: ActionContext) -> Json:
    """Fails with the status 503 in the first `failures` attempts."""
    assert isinstance(arguments, dict)
    failures = arguments["failures"]
    assert isinstance(failures, int)
    if context.attempt <= failures:
        raise ActionError(
            status=503,
            title="Busy",
            detail=f"attempt {context.attempt}",
            type="https://open-workflow-specification.org/spec/1.0.0/errors/communication",
        )
    return {"attempt": context.attempt, "key": context.idempotency_key}


@action("test.count:1.0.0", effect_class=EffectClass.ONCE)
def count(arguments: Json, context: ActionContext) -> Json:
    """How often it has run for the execution."""
    _runs[context.execution_id] += 1
    return {"runs": _runs[context.execution_id]}


@action("test.pad:1.0.0", effect_class=EffectClass.ONCE)
def pad(arguments: Json, context: ActionContext) -> Json:
    """A text of `characters`, which the ledger has to keep."""
    assert isinstance(arguments, dict)
    characters = arguments["characters"]
    assert isinstance(characters, int)
    return {"pad": "x" * characters}


@action("test.raises:1.0.0", effect_class=EffectClass.ONCE)
def raises(arguments: Json, context: ActionContext) -> Json:
    """Raises what no author meant to raise."""
    raise RuntimeError("a mistake of its author")


@action("test.never:1.0.0", effect_class=EffectClass.ONCE, timeout_seconds=600)
async def never(arguments: Json, context: ActionContext) -> Json:
    """Never answers; says under `name` that it has begun, and that it was cancelled."""
    name = _text(arguments, "name")
    _begun[name].set()
    try:
        await asyncio.Event().wait()
    finally:
        _cancelled[name].set()
    return None


@action("test.slow:1.0.0", effect_class=EffectClass.ONCE, timeout_seconds=0.1)
async def slow(arguments: Json, context: ActionContext) -> Json:
    """Never answers, and has a time limit of its own."""
    await asyncio.Event().wait()
    return None


@action("test.begun:1.0.0", effect_class=EffectClass.PURE)
async def begun(arguments: Json, context: ActionContext) -> Json:
    """Answers once `test.never` has begun under the `name`."""
    await _begun[_text(arguments, "name")].wait()
    return {"begun": True}


@action("test.cancelled:1.0.0", effect_class=EffectClass.PURE)
async def cancelled(arguments: Json, context: ActionContext) -> Json:
    """Answers once `test.never` was cancelled under the `name`."""
    await _cancelled[_text(arguments, "name")].wait()
    return {"cancelled": True}


@action("test.meet:1.0.0", effect_class=EffectClass.PURE)
async def meet(arguments: Json, context: ActionContext) -> Json:
    """Answers `me` once the one called `other` is there too: nobody alone gets through."""
    me = _text(arguments, "me")
    _begun[f"{context.execution_id} {me}"].set()
    await _begun[f"{context.execution_id} {_text(arguments, 'other')}"].wait()
    return {"met": me}


@action("test.own:1.0.0", effect_class=EffectClass.ONCE)
def own(arguments: Json, context: ActionContext) -> Json:
    """What it was given, and how long the first text of it is; or an error that quotes it."""
    assert isinstance(arguments, dict)
    given = arguments["a"]
    assert isinstance(given, list)
    if arguments.get("raise"):
        raise ValueError(f"no good: {given[0]}")
    return {"characters": len(str(given[0])), "shown": given}
