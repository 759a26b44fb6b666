"""An action that takes its time, for the memory of calls that are outstanding."""

import asyncio
import time
from typing import Final

from tidemill.action_kit import ActionContext, EffectClass, action
from tidemill.json import Json

MODULE: Final = __name__
HOLD: Final = "bench.hold:1.0.0"


@action(HOLD, effect_class=EffectClass.ONCE, timeout_seconds=900)
async def hold(arguments: Json, context: ActionContext) -> Json:
    """Answer at `until`, in seconds since 1970."""
    assert isinstance(arguments, dict)
    until = arguments["until"]
    assert isinstance(until, int | float)
    await asyncio.sleep(max(until - time.time(), 0))
    return {}
