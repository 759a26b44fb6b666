"""Two actions that touch nothing, for benchmarks and for trying things out."""

from typing import Final

from tidemill.action_kit import ActionContext, EffectClass, action
from tidemill.json import Json


@action("tidemill.noop:1.0.0", effect_class=EffectClass.ONCE, inline=True)
def noop(arguments: Json, context: ActionContext) -> Json:
    """Does nothing, through the ledger like any effect; answers with an empty object."""
    return {}


@action("tidemill.echo:1.0.0", effect_class=EffectClass.PURE, inline=True)
def echo(arguments: Json, context: ActionContext) -> Json:
    """Answers with its arguments."""
    return arguments


BUILTIN_FUNCTIONS: Final = (noop, echo)
