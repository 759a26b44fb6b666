"""Actions for tests of the real process: each notes its effect in a file, by idempotency key."""

import asyncio
import os
from pathlib import Path

from tidemill.action_kit import ActionContext, EffectClass, FunctionAction, action
from tidemill.json import Json

EFFECTS_VARIABLE = "TEST_EFFECTS"


def _note(key: str) -> None:
    with Path(os.environ[EFFECTS_VARIABLE]).open("a") as file:
        file.write(f"{key}\n")


async def _effect(arguments: Json, context: ActionContext) -> Json:
    """Take effect; then answer, but hang while a file of the name in the arguments (at `hang`) is there."""
    _note(context.idempotency_key)
    hang = arguments.get("hang") if isinstance(arguments, dict) else arguments
    while isinstance(hang, str) and Path(hang).exists():  # noqa: ASYNC110, ASYNC240
        await asyncio.sleep(0.01)
    return context.attempt


async def _whose(arguments: Json, context: ActionContext) -> Json:
    """The same; answers which process it was."""
    await _effect(arguments, context)
    return os.getpid()


def _declared(name: str, effect_class: EffectClass) -> FunctionAction:
    return action(f"test.{name}:1.0.0", effect_class=effect_class, timeout_seconds=60)(_effect)


once = _declared("once", EffectClass.ONCE)
at_most_once = _declared("at_most_once", EffectClass.AT_MOST_ONCE)
whose = action("test.whose:1.0.0", effect_class=EffectClass.ONCE, timeout_seconds=60)(_whose)
